import type { BoundFunction } from '../abi/calls.ts';
import type { Parts } from '../abi/parts.ts';
import type { Exported, Imports } from '../plan.ts';
import type { ComponentGuest } from './interface.ts';
import { hostInterface } from './interfaces.ts';

/**
 * How many calls that may wait a guest makes without waiting before the event loop gets a turn. A guest that always
 * finds something ready would keep out everything else: its sockets, a stop, other requests.
 */
const CALLS_AT_ONCE = 128;

/** What a component may import of the host: the same for all of its instances. */
export const HOST_IMPORTS: Imports = {
  resource: (interfaceName, name) => {
    const found = hostInterface(interfaceName)?.resources?.[name];
    if (found === undefined) throw new Error(`the host has no resource ${interfaceName}/${name}`);
    return found;
  },
  instance: (interfaceName, shape) => {
    const host = hostInterface(interfaceName);
    const exports = new Map<string, Exported>();
    for (const [name, value] of shape.types) exports.set(name, { sort: 'type', value });
    for (const [name, type] of shape.functions) {
      const fn = host?.functions[name];
      if (fn === undefined) throw new Error(`the host has no function ${interfaceName}#${name}`);
      const blocks = host?.blocking?.has(name) === true;
      const run = fn as RunHostFunction;
      const bind = ({ host: calls }: Parts): BoundFunction => (blocks ? calls.waiting(run) : calls.quick(run));
      exports.set(name, { sort: 'function', value: { type, blocks, bind } });
    }
    return exports;
  },
};

type RunHostFunction = (guest: ComponentGuest, ...args: readonly unknown[]) => unknown;

/** The calls of one instance to the host. */
export class HostCalls {
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

  /** A function that never waits. */
  quick(run: RunHostFunction): BoundFunction {
    const guest = this.#guest;
    return (args) => {
      if (this.#ended !== undefined) throw this.#ended;
      try {
        return run(guest, ...args);
      } catch (error) {
        this.#ended ??= error as Error;
        throw error;
      }
    };
  }

  /** One that may wait. */
  waiting(run: RunHostFunction): BoundFunction {
    const call = this.quick(run);
    return (args) => {
      const result = call(args);
      if (result instanceof Promise) {
        this.#callsAtOnce = 0;
        return result;
      }
      return ++this.#callsAtOnce >= CALLS_AT_ONCE ? this.#breathe(result) : result;
    };
  }

  #breathe(result: unknown): Promise<unknown> {
    this.#callsAtOnce = 0;
    return this.#guest.waiters.turn(result);
  }
}
