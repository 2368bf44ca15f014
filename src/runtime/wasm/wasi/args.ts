import { WcError } from '../../../model/diagnostic.ts';
import { Errno } from './errno.ts';
import { type Guest, mustHold, type StringList } from './guest.ts';

/** Lays the strings out as the guest gets them. ERR_COMPOSE_INVALID: one with a NUL, behind which no program sees. */
export function stringList(strings: readonly string[]): StringList {
  const cut = strings.find((text) => text.includes('\0'));
  if (cut !== undefined) {
    throw new WcError('ERR_COMPOSE_INVALID', `an argument or variable has a NUL byte: ${JSON.stringify(cut)}`);
  }
  const offsets: number[] = [];
  let length = 0;
  for (const text of strings) {
    offsets.push(length);
    length += Buffer.byteLength(text) + 1;
  }
  return { bytes: Buffer.from(strings.map((text) => `${text}\0`).join('')), offsets };
}

/**
 * `args_get(argv: **u8, argv_buf: *u8) -> errno`: the command line.
 *
 *     argv     -> | u32: argv_buf | u32: argv_buf + 2 |
 *     argv_buf -> | 'a' 0 | 'b' 'c' 0 |
 *
 * FAULT: one of the two regions is not in memory; nothing is written then.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#args_get
 */
export function argsGet(guest: Guest, argv: number, buffer: number): number {
  return copyList(guest, guest.args, argv, buffer);
}

/**
 * `args_sizes_get(argc: *size, argv_buf_size: *size) -> errno`: how much `args_get` will write.
 *
 *     argc -> | u32 |    argv_buf_size -> | u32 |
 *
 * FAULT: one of the two is not in memory.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#args_sizes_get
 */
export function argsSizesGet(guest: Guest, count: number, size: number): number {
  return writeSizes(guest, guest.args, count, size);
}

export function copyList(guest: Guest, list: StringList, pointers: number, buffer: number): number {
  mustHold(guest, pointers, list.offsets.length * 4);
  mustHold(guest, buffer, list.bytes.length);
  const { view, bytes } = guest.memory;
  let at = pointers;
  for (const offset of list.offsets) {
    view.setUint32(at, buffer + offset, true);
    at += 4;
  }
  bytes.set(list.bytes, buffer);
  return Errno.SUCCESS;
}

export function writeSizes(guest: Guest, list: StringList, count: number, size: number): number {
  mustHold(guest, count, 4);
  mustHold(guest, size, 4);
  const { view } = guest.memory;
  view.setUint32(count, list.offsets.length, true);
  view.setUint32(size, list.bytes.length, true);
  return Errno.SUCCESS;
}
