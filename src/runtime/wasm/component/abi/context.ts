import { GuestMemory } from '../../wasi/guest-memory.ts';
import { alignTo, type CallContext } from './codec.ts';
import { AbiError, type Handles } from './handles.ts';
import type { Parts, Slot } from './parts.ts';

export type CoreFunction = (...args: unknown[]) => unknown;

/** What of an instance functions that it exports or imports use, by its slots. */
export interface ContextSlots {
  /** Its number: an instance has one context for all functions that use the same. */
  readonly context: number;
  readonly encoding: CallContext['encoding'];
  readonly memory: Slot | undefined;
  readonly realloc: Slot | undefined;
  /** The component within the instance whose handles they use. */
  readonly owner: number;
}

/** To be asked for when something is called: what the slots hold may not exist before. */
export function contextOf(parts: Parts, slots: ContextSlots): CallContext {
  return (parts.contexts[slots.context] ??= new Context(parts, slots));
}

class Context implements CallContext {
  readonly memory = new GuestMemory();
  readonly encoding: CallContext['encoding'];
  readonly handles: Handles;
  readonly #realloc: CoreFunction | undefined;

  constructor(parts: Parts, { memory, realloc, encoding, owner }: ContextSlots) {
    if (memory !== undefined) this.memory.bind(parts.slots[memory] as WebAssembly.Memory);
    this.encoding = encoding;
    this.handles = parts.handlesOf(owner);
    this.#realloc = realloc === undefined ? undefined : (parts.slots[realloc] as CoreFunction);
  }

  allocate(size: number, align: number): number {
    if (this.#realloc === undefined) throw new AbiError('it takes a list and says not where to put it');
    const pointer = (this.#realloc(0, 0, align, size) as number) >>> 0;
    if (alignTo(pointer, align) !== pointer || !this.memory.holds(pointer, size)) {
      throw new AbiError('its cabi_realloc returned memory that it does not have');
    }
    return pointer;
  }
}
