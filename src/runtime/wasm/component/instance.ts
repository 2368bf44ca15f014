import { GuestStopped } from '../wasi/waiters.ts';
import type { ComponentFunction } from './abi/calls.ts';
import type { Handles } from './abi/handles.ts';
import type { ComponentDefinition } from './definition.ts';
import { HostImports } from './host/bind.ts';
import type { ComponentGuest } from './host/interface.ts';
import { type Exports, linkComponent } from './link.ts';

/** A component as the main thread prepared it: what it consists of, and its core modules, compiled. */
export interface LinkableComponent {
  readonly root: ComponentDefinition;
  readonly modules: readonly WebAssembly.Module[];
}

interface InstanceParts {
  readonly handles: Handles[];
  readonly memories: Set<WebAssembly.Memory>;
}

/** One instance of a component. It runs one call at a time. */
export class ComponentInstance {
  readonly #exports: Exports;
  readonly #host: HostImports;
  readonly #parts: InstanceParts;

  private constructor(exports: Exports, host: HostImports, parts: InstanceParts) {
    this.#exports = exports;
    this.#host = host;
    this.#parts = parts;
  }

  /** Rejects with the trap of a start function. */
  static async create(component: LinkableComponent, guest: ComponentGuest): Promise<ComponentInstance> {
    const host = new HostImports(guest);
    const parts: InstanceParts = { handles: [], memories: new Set() };
    const exports = await linkComponent(component.root, component.modules, host, parts);
    return new ComponentInstance(exports, host, parts);
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const memory of this.#parts.memories) bytes += memory.buffer.byteLength;
    return bytes;
  }

  /** A function of an interface that it exports, by the interface's name without its version. */
  find(interfaceName: string, name: string): ComponentFunction | undefined {
    for (const [key, exported] of this.#exports) {
      if (exported.sort !== 'instance' || key.replace(/@.*$/, '') !== interfaceName) continue;
      const found = exported.value.get(name);
      return found?.sort === 'function' ? found.value : undefined;
    }
    return undefined;
  }

  /** Calls it; rejects with what ended the guest. After that the instance is of no more use. */
  async call(fn: ComponentFunction, args: readonly unknown[]): Promise<unknown> {
    try {
      const result = await fn.call(args);
      // A guest can catch what unwinds it and return as if nothing had been.
      if (this.#host.ended !== undefined) throw this.#host.ended;
      return result;
    } catch (error) {
      throw this.#host.ended ?? error;
    }
  }

  /** Gives back all that it holds. */
  close(): void {
    this.#host.end(new GuestStopped());
    for (const handles of this.#parts.handles) handles.dropAll();
  }
}
