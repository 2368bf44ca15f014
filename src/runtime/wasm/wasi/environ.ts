import { copyList, writeSizes } from './args.ts';
import type { Guest } from './guest.ts';

/**
 * `environ_get(environ: **u8, environ_buf: *u8) -> errno`: the environment, as `NAME=value`.
 *
 *     environ     -> | u32: environ_buf | u32: environ_buf + 4 |
 *     environ_buf -> | 'A' '=' '1' 0 | 'B' '=' 0 |
 *
 * FAULT: one of the two regions is not in memory; nothing is written then.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#environ_get
 */
export function environGet(guest: Guest, environ: number, buffer: number): number {
  return copyList(guest, guest.env, environ, buffer);
}

/**
 * `environ_sizes_get(count: *size, buf_size: *size) -> errno`: how much `environ_get` will write.
 *
 *     count -> | u32 |    buf_size -> | u32 |
 *
 * FAULT: one of the two is not in memory.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#environ_sizes_get
 */
export function environSizesGet(guest: Guest, count: number, size: number): number {
  return writeSizes(guest, guest.env, count, size);
}
