import { type Descriptor, Fdflags, Filetype } from './descriptor.ts';
import { Errno, failure } from './errno.ts';
import { OpenDirectory } from './fs/open-directory.ts';
import { OpenFile } from './fs/open-file.ts';
import { descriptorAt, type Guest, mustHold } from './guest.ts';
import { GuestBuffers } from './guest-memory.ts';
import { Right } from './rights.ts';

/** As Linux. */
const IOVEC_LIMIT = 1024;

/**
 * `fd_read(fd, iovs: *iovec, iovs_len: size, nread: *size) -> errno`: reads from where the descriptor stands.
 *
 *     iovs -> | u32: buffer | u32: length | ... |    nread -> | u32 |
 *
 * Waits when there is nothing to read and the descriptor is not NONBLOCK; 0 bytes are the end.
 * BADF: not open for reading. AGAIN: NONBLOCK and nothing there. ISDIR: a directory. FAULT, INVAL: bad iovs.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_read
 */
export function fdRead(guest: Guest, fd: number, iovs: number, count: number, nread: number): number | Promise<number> {
  const descriptor = descriptorAt(guest, fd);
  if (descriptor.read === undefined) return unusable(descriptor);
  const result = descriptor.read(buffersAt(guest, iovs, count, nread));
  return typeof result === 'number' ? report(guest, nread, result) : result.then((n) => report(guest, nread, n));
}

/**
 * `fd_write(fd, iovs: *ciovec, iovs_len: size, nwritten: *size) -> errno`: writes where the descriptor stands, or at
 * the end when it is APPEND.
 *
 *     iovs -> | u32: buffer | u32: length | ... |    nwritten -> | u32 |
 *
 * BADF: not open for writing. AGAIN: NONBLOCK and no room. NOSPC, FBIG, PIPE. ISDIR: a directory. FAULT, INVAL.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_write
 */
export function fdWrite(
  guest: Guest,
  fd: number,
  iovs: number,
  count: number,
  nwritten: number,
): number | Promise<number> {
  const descriptor = descriptorAt(guest, fd);
  if (descriptor.write === undefined) return unusable(descriptor);
  const result = descriptor.write(buffersAt(guest, iovs, count, nwritten));
  return typeof result === 'number' ? report(guest, nwritten, result) : result.then((n) => report(guest, nwritten, n));
}

/**
 * `fd_pread(fd, iovs: *iovec, iovs_len: size, offset: filesize, nread: *size) -> errno`: reads at `offset`; where the
 * descriptor stands does not change.
 *
 *     iovs -> | u32: buffer | u32: length | ... |    nread -> | u32 |
 *
 * BADF: not open for reading. SPIPE: not a file. ISDIR: a directory. INVAL: offset beyond 2^53. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_pread
 */
export function fdPread(guest: Guest, fd: number, iovs: number, count: number, offset: bigint, nread: number): number {
  const file = fileAt(guest, fd);
  const buffers = buffersAt(guest, iovs, count, nread);
  return report(guest, nread, file.readAt(buffers, toPosition(offset)));
}

/**
 * `fd_pwrite(fd, iovs: *ciovec, iovs_len: size, offset: filesize, nwritten: *size) -> errno`: writes at `offset`; as
 * on Linux at the end when the descriptor is APPEND. Where it stands does not change.
 *
 *     iovs -> | u32: buffer | u32: length | ... |    nwritten -> | u32 |
 *
 * BADF: not open for writing. SPIPE: not a file. ISDIR: a directory. NOSPC, FBIG. INVAL: offset beyond 2^53. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_pwrite
 */
export function fdPwrite(
  guest: Guest,
  fd: number,
  iovs: number,
  count: number,
  offset: bigint,
  nwritten: number,
): number {
  const file = fileAt(guest, fd);
  const buffers = buffersAt(guest, iovs, count, nwritten);
  const position = toPosition(offset);
  const isAppend = (file.fdflags & Fdflags.APPEND) !== 0;
  return report(guest, nwritten, file.writeAt(buffers, isAppend ? -1 : position));
}

/** `__wasi_whence_t`; wasi_unstable has the same names for other numbers. */
export const Whence = { SET: 0, CUR: 1, END: 2 } as const;

/**
 * `fd_seek(fd, offset: filedelta, whence: u8, newoffset: *filesize) -> errno`: moves where the descriptor stands.
 *
 *     newoffset -> | u64 |
 *
 * SPIPE: not a file. BADF: a directory (wasi-libc and the test suite expect it). NOTCAPABLE: no FD_SEEK right. INVAL:
 * before the start, or an unknown whence. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_seek
 */
export function fdSeek(guest: Guest, fd: number, offset: bigint, whence: number, newOffset: number): number {
  const file = fileAt(guest, fd);
  // To learn the position is to tell, not to seek.
  const needed = whence === Whence.CUR && offset === 0n ? Right.FD_SEEK | Right.FD_TELL : Right.FD_SEEK;
  if ((file.rights & needed) === 0n) return Errno.NOTCAPABLE;
  mustHold(guest, newOffset, 8);
  let base = 0;
  if (whence === Whence.CUR) base = file.position;
  else if (whence === Whence.END) base = file.file.size();
  else if (whence !== Whence.SET) return Errno.INVAL;
  const position = base + Number(offset);
  if (position < 0 || position > Number.MAX_SAFE_INTEGER) return Errno.INVAL;
  file.position = position;
  guest.memory.view.setBigUint64(newOffset, BigInt(position), true);
  return Errno.SUCCESS;
}

/**
 * `fd_tell(fd, offset: *filesize) -> errno`: where the descriptor stands.
 *
 *     offset -> | u64 |
 *
 * SPIPE: not a file. BADF: a directory. NOTCAPABLE: no FD_TELL right. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_tell
 */
export function fdTell(guest: Guest, fd: number, offset: number): number {
  const file = fileAt(guest, fd);
  if ((file.rights & Right.FD_TELL) === 0n) return Errno.NOTCAPABLE;
  guest.memory.view.setBigUint64(offset, BigInt(file.position), true);
  return Errno.SUCCESS;
}

/**
 * `fd_close(fd) -> errno`: frees the number.
 * BADF: not open.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_close
 */
export function fdClose(guest: Guest, fd: number): number {
  return guest.table.close(fd);
}

/**
 * `fd_renumber(fd, to: fd) -> errno`: what is `fd` becomes `to`; what was `to` is closed.
 * BADF: one of the two is not open.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_renumber
 */
export function fdRenumber(guest: Guest, from: number, to: number): number {
  return guest.table.renumber(from, to);
}

/**
 * `fd_sync(fd) -> errno`: brings data and metadata of a file or directory to the disk.
 * BADF: not open. INVAL: neither file nor directory. NOTCAPABLE: no FD_SYNC right. IO, NOSPC.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_sync
 */
export function fdSync(guest: Guest, fd: number): number {
  return sync(guest, fd, Right.FD_SYNC, false);
}

/**
 * `fd_datasync(fd) -> errno`: brings the data of a file to the disk.
 * BADF: not open. INVAL: neither file nor directory. NOTCAPABLE: no FD_DATASYNC right. IO, NOSPC.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_datasync
 */
export function fdDatasync(guest: Guest, fd: number): number {
  return sync(guest, fd, Right.FD_DATASYNC | Right.FD_SYNC, true);
}

const LAST_ADVICE = 5;

/**
 * `fd_advise(fd, offset: filesize, len: filesize, advice: u8) -> errno`: how the file will be used. Node has no call
 * for it; it is checked and ignored, as a system may.
 * BADF: not open. SPIPE: not a file. ISDIR: a directory. INVAL: no such advice.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_advise
 */
export function fdAdvise(guest: Guest, fd: number, _offset: bigint, _length: bigint, advice: number): number {
  fileAt(guest, fd);
  return advice > LAST_ADVICE ? Errno.INVAL : Errno.SUCCESS;
}

/**
 * `fd_allocate(fd, offset: filesize, len: filesize) -> errno`: makes sure that the file is at least offset + len
 * long, by zeros behind its end. Holes in it stay: Node has no call to fill them.
 * BADF: not open, or a directory. SPIPE: not a file. NOTCAPABLE: no FD_ALLOCATE right. INVAL: no length. FBIG, NOSPC.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_allocate
 */
export function fdAllocate(guest: Guest, fd: number, offset: bigint, length: bigint): number {
  const file = fileAt(guest, fd);
  if ((file.rights & Right.FD_ALLOCATE) === 0n) return Errno.NOTCAPABLE;
  if (length === 0n) return Errno.INVAL;
  const end = toPosition(offset) + toPosition(length);
  if (end > Number.MAX_SAFE_INTEGER) return Errno.FBIG;
  file.file.extend(end);
  return Errno.SUCCESS;
}

/** The open file `fd`. BADF: nothing or a directory. SPIPE: something that has no positions. */
export function fileAt(guest: Guest, fd: number): OpenFile {
  const descriptor = descriptorAt(guest, fd);
  if (descriptor instanceof OpenFile) return descriptor;
  throw failure(descriptor.filetype === Filetype.DIRECTORY ? Errno.BADF : Errno.SPIPE);
}

/** Checks all memory of a read or write before it begins. */
export function buffersAt(guest: Guest, iovs: number, count: number, result: number): GuestBuffers {
  if (count > IOVEC_LIMIT) throw failure(Errno.INVAL);
  mustHold(guest, result, 4);
  return new GuestBuffers(guest.memory, iovs, count);
}

/** A descriptor's count, or negated errno, for the guest. */
export function report(guest: Guest, pointer: number, result: number): number {
  if (result < 0) return -result;
  guest.memory.view.setUint32(pointer, result, true);
  return Errno.SUCCESS;
}

function unusable(descriptor: Descriptor): number {
  return descriptor.filetype === Filetype.DIRECTORY ? Errno.ISDIR : Errno.BADF;
}

/** A u64 of the guest as a position: INVAL beyond 2^53, as Linux has it beyond 2^63. */
export function toPosition(offset: bigint): number {
  const unsigned = BigInt.asUintN(64, offset);
  if (unsigned > BigInt(Number.MAX_SAFE_INTEGER)) throw failure(Errno.INVAL);
  return Number(unsigned);
}

function sync(guest: Guest, fd: number, right: bigint, dataOnly: boolean): number {
  const descriptor = descriptorAt(guest, fd);
  if (!(descriptor instanceof OpenFile || descriptor instanceof OpenDirectory)) return Errno.INVAL;
  if ((descriptor.rights & right) === 0n) return Errno.NOTCAPABLE;
  if (descriptor instanceof OpenFile) descriptor.file.sync(dataOnly);
  else descriptor.directory.syncSelf();
  return Errno.SUCCESS;
}
