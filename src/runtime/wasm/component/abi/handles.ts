import type { Parts } from './parts.ts';
import type { ResourceType } from './value-type.ts';

interface Handle {
  readonly type: ResourceType;
  readonly rep: unknown;
  readonly isOwn: boolean;
}

/** A guest did what the component model does not allow: it ends as by any other trap. */
export class AbiError extends WebAssembly.RuntimeError {
  constructor(message: string) {
    super(message);
    this.name = 'AbiError';
  }
}

/** How many resources a guest may hold at once; what stays open of the system counts as a descriptor, too. */
const HANDLES_LIMIT = 1_000_000;

/** The resources that one component instance holds, by number. */
export class Handles {
  /** Number 0 is never given. */
  readonly #slots: (Handle | undefined)[] = [undefined];
  readonly #free: number[] = [];
  /** The component within the instance. */
  readonly owner: number;
  readonly #parts: Parts;

  constructor(owner: number, parts: Parts) {
    this.owner = owner;
    this.#parts = parts;
  }

  add(type: ResourceType, rep: unknown, isOwn: boolean): number {
    const handle: Handle = { type, rep, isOwn };
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#slots[free] = handle;
      return free;
    }
    if (this.#slots.length >= HANDLES_LIMIT) throw new AbiError('it holds too many resources');
    return this.#slots.push(handle) - 1;
  }

  /** What the handle stands for. */
  rep(index: number, type: ResourceType): unknown {
    return this.#get(index, type).rep;
  }

  /** Gives it away. */
  take(index: number, type: ResourceType): unknown {
    const handle = this.#get(index, type);
    if (!handle.isOwn) throw new AbiError(`it gives away a ${type.name} that it only borrowed`);
    this.#remove(index);
    return handle.rep;
  }

  drop(index: number, type: ResourceType): void {
    const handle = this.#get(index, type);
    this.#remove(index);
    if (handle.isOwn) type.drop(handle.rep, this.#parts);
  }

  /** The instance is gone: drops all that it owned of the host, whatever fails. */
  dropAll(): void {
    const slots = this.#slots.splice(1);
    this.#free.length = 0;
    for (const handle of slots.toReversed()) {
      if (handle === undefined || !handle.isOwn || handle.type.owner !== undefined) continue;
      try {
        handle.type.drop(handle.rep, this.#parts);
      } catch {
        // What could not be brought to the disk (EIO, ENOSPC): the guest is no longer there to hear it.
      }
    }
  }

  #get(index: number, type: ResourceType): Handle {
    const handle = this.#slots[index];
    if (handle === undefined) throw new AbiError(`handle ${index} is not open`);
    if (handle.type !== type) throw new AbiError(`handle ${index} is a ${handle.type.name}, no ${type.name}`);
    return handle;
  }

  #remove(index: number): void {
    this.#slots[index] = undefined;
    this.#free.push(index);
  }
}
