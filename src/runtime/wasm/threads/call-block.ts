/*
 * A call of a thread of the guest, in memory that it shares with the thread that has the descriptors. Pointers among
 * the arguments lead into the guest's memory, which both have, so nothing else is copied:
 *
 *     block -> | i32: 1 = waits for the answer | i32: errno | i32: which import | i32: number of arguments
 *              | u32: bit per argument, 1 = i64 | (pad) | 8 bytes for each argument: f64 or i64 |
 */
const Cell = { STATE: 0, RESULT: 1, IMPORT: 2, COUNT: 3, WIDE: 4 } as const;
const ARGUMENTS_AT = 24;
/** The longest function of the host has nine. */
export const ARGUMENTS_LIMIT = 16;

export function createCallBlock(): SharedArrayBuffer {
  return new SharedArrayBuffer(ARGUMENTS_AT + ARGUMENTS_LIMIT * 8);
}

/** One argument of a function that a guest imports. */
export type Argument = number | bigint;

export class CallBlock {
  readonly #cells: Int32Array;
  readonly #numbers: Float64Array;
  readonly #wide: BigInt64Array;

  constructor(block: SharedArrayBuffer) {
    this.#cells = new Int32Array(block, 0, ARGUMENTS_AT / 4);
    this.#numbers = new Float64Array(block, ARGUMENTS_AT, ARGUMENTS_LIMIT);
    this.#wide = new BigInt64Array(block, ARGUMENTS_AT, ARGUMENTS_LIMIT);
  }

  /** The guest's side: `ring` makes the other side look; this thread waits for the answer, for ever if need be. */
  call(which: number, args: readonly Argument[], ring: () => void): number {
    const cells = this.#cells;
    let wide = 0;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] ?? 0;
      if (typeof arg === 'number') this.#numbers[i] = arg;
      else {
        this.#wide[i] = arg;
        wide |= 1 << i;
      }
    }
    cells[Cell.IMPORT] = which;
    cells[Cell.COUNT] = args.length;
    cells[Cell.WIDE] = wide;
    Atomics.store(cells, Cell.STATE, 1);
    ring();
    while (Atomics.load(cells, Cell.STATE) !== 0) Atomics.wait(cells, Cell.STATE, 1);
    return cells[Cell.RESULT] ?? 0;
  }

  /** The other side: what is called. */
  read(): { readonly which: number; readonly args: Argument[] } {
    const cells = this.#cells;
    const wide = cells[Cell.WIDE] ?? 0;
    const args = Array.from({ length: cells[Cell.COUNT] ?? 0 }, (_, i): Argument =>
      (wide & (1 << i)) === 0 ? (this.#numbers[i] ?? 0) : (this.#wide[i] ?? 0n),
    );
    return { which: cells[Cell.IMPORT] ?? 0, args };
  }

  /** The guest's thread goes on. */
  answer(errno: number): void {
    this.#cells[Cell.RESULT] = errno;
    Atomics.store(this.#cells, Cell.STATE, 0);
    Atomics.notify(this.#cells, Cell.STATE);
  }
}
