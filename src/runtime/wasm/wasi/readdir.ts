import { Errno } from './errno.ts';
import type { Directory, DirectoryEntry } from './fs/directory.ts';
import type { OpenDirectory } from './fs/open-directory.ts';
import { directoryAt, type Guest, mustHold } from './guest.ts';
import { Right } from './rights.ts';

/** | u64: cookie of the next entry | u64: inode | u32: length of the name | u8: filetype, 3 x 0 | and the name */
const DIRENT_SIZE = 24;

/**
 * `fd_readdir(fd, buf: *u8, buf_len: size, cookie: dircookie, bufused: *size) -> errno`: entries of a directory, from
 * the one with `cookie`. The last one may be cut; a buffer that is not full is the end.
 *
 *     buf -> | dirent 24 | name | dirent 24 | name | ...    bufused -> | u32 |
 *
 * BADF: not open. NOTDIR: no directory. NOTCAPABLE: no FD_READDIR right. FAULT.
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#fd_readdir
 */
export function fdReaddir(
  guest: Guest,
  fd: number,
  buffer: number,
  length: number,
  cookie: bigint,
  used: number,
): number {
  const directory = directoryAt(guest, fd, Right.FD_READDIR);
  mustHold(guest, buffer, length);
  mustHold(guest, used, 4);
  const out = guest.memory.bytes.subarray(buffer, buffer + length);
  guest.memory.view.setUint32(used, writeEntries(directory, out, Number(BigInt.asUintN(64, cookie))), true);
  return Errno.SUCCESS;
}

/** Returns how many bytes it wrote. */
function writeEntries(open: OpenDirectory, out: Uint8Array, cookie: number): number {
  const entries = open.entries(cookie);
  let at = 0;
  for (let i = cookie; i < entries.length && at < out.length; i++) {
    const entry = entries[i];
    if (entry === undefined) break;
    const name = Buffer.from(entry.name);
    const record = Buffer.allocUnsafe(DIRENT_SIZE + name.length);
    record.writeBigUInt64LE(BigInt(i + 1), 0);
    record.writeBigUInt64LE(inodeOf(open.directory, entry), 8);
    record.writeUInt32LE(name.length, 16);
    record.writeUInt32LE(entry.filetype, 20);
    record.set(name, DIRENT_SIZE);
    const fits = Math.min(record.length, out.length - at);
    out.set(record.subarray(0, fits), at);
    at += fits;
  }
  return at;
}

/** wasi-libc asks for each inode that is 0, which costs a walk; '..' it does not ask for. */
function inodeOf(directory: Directory, entry: DirectoryEntry): bigint {
  if (entry.name === '..') return 0n;
  try {
    return (entry.name === '.' ? directory.statSelf() : directory.stat(entry.name)).inode;
  } catch {
    // The entry has vanished since it was listed, or may not be asked for.
    return 0n;
  }
}
