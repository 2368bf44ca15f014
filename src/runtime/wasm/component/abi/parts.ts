import type { HostCalls } from '../host/bind.ts';
import type { CallContext } from './codec.ts';
import { Handles } from './handles.ts';

/** The number of a core function, memory, table, global or core instance within an instance. */
export type Slot = number;

/** What one instance of a component consists of. */
export class Parts {
  readonly host: HostCalls;
  readonly slots: unknown[];
  readonly contexts: (CallContext | undefined)[] = [];
  readonly memories: WebAssembly.Memory[] = [];
  /** One for each component within it. */
  readonly #handles: readonly Handles[];

  constructor(host: HostCalls, slots: number, owners: number) {
    this.host = host;
    this.slots = Array.from({ length: slots });
    this.#handles = Array.from({ length: owners }, (_, owner) => new Handles(owner, this));
  }

  handlesOf(owner: number): Handles {
    const handles = this.#handles[owner];
    if (handles === undefined) throw new Error(`there is no component ${owner} in the instance`);
    return handles;
  }

  /** The instance is gone. */
  dropAll(): void {
    for (const handles of this.#handles) handles.dropAll();
  }
}
