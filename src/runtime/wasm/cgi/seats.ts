import type { MemoryImport } from '../cap-limits.ts';
import { Linkage } from '../wasi/linkage.ts';

/** Seats that are kept in a thread: requests of one client after another need one. */
const KEPT_COUNT = 8;
/** Larger memories take longer to clear than a new one takes to make, of which a guest touches only a part. */
const KEPT_BYTES = 4 << 20;
const PAGE_BYTES = 65_536;

/** What an instance needs of its thread; to make it is most of what an instance costs. */
export interface Seat {
  /** All zeros. Undefined: the module has its own. */
  readonly memory: WebAssembly.Memory | undefined;
  /** Undefined: the module calls functions that are made for each instance. */
  readonly linkage: Linkage | undefined;
}

export interface SeatOptions {
  readonly module: WebAssembly.Module;
  readonly importedMemory: MemoryImport | undefined;
  /** Its functions are not those of WASI alone. */
  readonly hasOwnFunctions: boolean;
}

/** The seats of one module's guests in one thread. A guest has one for itself; the next one finds it as new. */
export class Seats {
  readonly #options: SeatOptions;
  readonly #memories: WebAssembly.Memory[] = [];
  readonly #linkages: Linkage[] = [];

  constructor(options: SeatOptions) {
    this.#options = options;
  }

  take(): Seat {
    const { module, importedMemory, hasOwnFunctions } = this.#options;
    return {
      memory: importedMemory && (this.#memories.pop() ?? new WebAssembly.Memory(importedMemory)),
      linkage: hasOwnFunctions ? undefined : (this.#linkages.pop() ?? new Linkage(module)),
    };
  }

  /** Nothing may be left of its guest, no call that waits either: that would find the memory of another. */
  giveBack({ memory, linkage }: Seat): void {
    if (linkage !== undefined && this.#linkages.length < KEPT_COUNT) {
      linkage.guest = undefined;
      this.#linkages.push(linkage);
    }
    if (memory === undefined || this.#memories.length >= KEPT_COUNT) return;
    const { buffer } = memory;
    // One that has grown cannot become smaller again.
    if (buffer.byteLength !== (this.#options.importedMemory?.initial ?? 0) * PAGE_BYTES) return;
    if (buffer.byteLength > KEPT_BYTES) return;
    new Uint8Array(buffer).fill(0);
    this.#memories.push(memory);
  }
}
