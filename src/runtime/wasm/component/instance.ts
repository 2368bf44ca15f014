import { GuestStopped } from '../wasi/waiters.ts';
import type { BoundFunction, ComponentFunction } from './abi/calls.ts';
import { Parts } from './abi/parts.ts';
import type { ComponentDefinition } from './definition.ts';
import { HOST_IMPORTS, HostCalls } from './host/bind.ts';
import type { ComponentGuest } from './host/interface.ts';
import { type LinkPlan, planComponent } from './plan.ts';

/** A component as the main thread prepared it: what it consists of, and its core modules, compiled. */
export interface LinkableComponent {
  readonly root: ComponentDefinition;
  readonly modules: readonly WebAssembly.Module[];
}

/** A component of which this thread makes instances. */
export class InstanceMaker {
  readonly #plan: LinkPlan;

  /** Throws BinaryFormatError for a component that does not fit together. */
  constructor({ root, modules }: LinkableComponent) {
    this.#plan = planComponent(root, modules, HOST_IMPORTS);
  }

  /** A function of an interface that it exports, by the interface's name without its version. */
  find(interfaceName: string, name: string): ComponentFunction | undefined {
    for (const [key, exported] of this.#plan.exports) {
      if (exported.sort !== 'instance' || key.replace(/@.*$/, '') !== interfaceName) continue;
      const found = exported.value.get(name);
      return found?.sort === 'function' ? found.value : undefined;
    }
    return undefined;
  }

  /** Throws the trap of a start function. */
  create(guest: ComponentGuest): ComponentInstance {
    const { steps, slots, owners } = this.#plan;
    const parts = new Parts(new HostCalls(guest), slots, owners);
    for (const step of steps) step(parts);
    return new ComponentInstance(parts);
  }
}

/** One instance of a component. It runs one call at a time. */
export class ComponentInstance {
  readonly #parts: Parts;
  #fn: ComponentFunction | undefined;
  #bound: BoundFunction | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const memory of this.#parts.memories) bytes += memory.buffer.byteLength;
    return bytes;
  }

  /** Calls it; rejects with what ended the guest. After that the instance is of no more use. */
  async call(fn: ComponentFunction, args: readonly unknown[]): Promise<unknown> {
    const { host } = this.#parts;
    if (this.#bound === undefined || this.#fn !== fn) {
      this.#bound = fn.bind(this.#parts);
      this.#fn = fn;
    }
    try {
      const result = await this.#bound(args);
      // A guest can catch what unwinds it and return as if nothing had been.
      if (host.ended !== undefined) throw host.ended;
      return result;
    } catch (error) {
      throw host.ended ?? error;
    }
  }

  /** Gives back all that it holds. */
  close(): void {
    this.#parts.host.end(new GuestStopped());
    this.#parts.dropAll();
  }
}
