import type { ComponentFunction } from '../abi/calls.ts';
import type { FunctionType, ResourceType } from '../abi/value-type.ts';
import type { Exported, Exports, Imports } from '../link.ts';
import type { InstanceShape } from '../resolve-types.ts';
import type { ComponentGuest, HostFunction } from './interface.ts';
import { hostInterface } from './interfaces.ts';

/**
 * How many calls that may wait a guest makes without waiting before the event loop gets a turn. A guest that always
 * finds something ready would keep out everything else: its sockets, a stop, other requests.
 */
const CALLS_AT_ONCE = 128;

/** The host as one instance of a component sees it. */
export class HostImports implements Imports {
  readonly #guest: ComponentGuest;
  /** Why the guest must not go on: a guest can catch what unwinds it. */
  #ended: Error | undefined;
  #callsAtOnce = 0;

  constructor(guest: ComponentGuest) {
    this.#guest = guest;
  }

  /** Every further call of the guest ends it. */
  end(reason: Error): void {
    this.#ended ??= reason;
  }

  get ended(): Error | undefined {
    return this.#ended;
  }

  resource(interfaceName: string, name: string): ResourceType {
    const found = hostInterface(interfaceName)?.resources?.[name];
    if (found === undefined) throw new Error(`the host has no resource ${interfaceName}/${name}`);
    return found;
  }

  instance(interfaceName: string, shape: InstanceShape): Exports {
    const host = hostInterface(interfaceName);
    const exports = new Map<string, Exported>();
    for (const [name, value] of shape.types) exports.set(name, { sort: 'type', value });
    for (const [name, type] of shape.functions) {
      const fn = host?.functions[name];
      if (fn === undefined) throw new Error(`the host has no function ${interfaceName}#${name}`);
      const blocks = host?.blocking?.has(name) === true;
      exports.set(name, { sort: 'function', value: this.#function(fn, type, blocks) });
    }
    return exports;
  }

  #function(fn: HostFunction, type: FunctionType, blocks: boolean): ComponentFunction {
    const guest = this.#guest;
    const run = fn as (guest: ComponentGuest, ...args: readonly unknown[]) => unknown;
    return {
      type,
      blocks,
      call: (args) => {
        if (this.#ended !== undefined) throw this.#ended;
        try {
          const result = run(guest, ...args);
          if (!blocks) return result;
          if (result instanceof Promise) {
            this.#callsAtOnce = 0;
            return result;
          }
          return ++this.#callsAtOnce >= CALLS_AT_ONCE ? this.#breathe(result) : result;
        } catch (error) {
          this.#ended ??= error as Error;
          throw error;
        }
      },
    };
  }

  #breathe(result: unknown): Promise<unknown> {
    this.#callsAtOnce = 0;
    return this.#guest.waiters.turn(result);
  }
}
