import { randomFillSync } from 'node:crypto';
import { Errno } from './errno.ts';
import { type Guest, mustHold } from './guest.ts';

/** Node fills at most 2 GiB at once; less keeps the call short. */
const AT_ONCE = 1 << 20;

/**
 * `random_get(buf: *u8, buf_len: size) -> errno`: fills a buffer with bytes fit for keys.
 *
 *     buf -> | buf_len random bytes |
 *
 * FAULT: the buffer is not in memory; nothing is written then.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#random_get
 */
export function randomGet(guest: Guest, buffer: number, length: number): number {
  mustHold(guest, buffer, length);
  const { bytes } = guest.memory;
  const end = buffer + length;
  for (let at = buffer; at < end; at += AT_ONCE) randomFillSync(bytes.subarray(at, Math.min(at + AT_ONCE, end)));
  return Errno.SUCCESS;
}
