/** `__wasi_rights_t`: what a guest may do with a descriptor. */
export const Right = {
  FD_DATASYNC: 1n << 0n,
  FD_READ: 1n << 1n,
  FD_SEEK: 1n << 2n,
  FD_FDSTAT_SET_FLAGS: 1n << 3n,
  FD_SYNC: 1n << 4n,
  FD_TELL: 1n << 5n,
  FD_WRITE: 1n << 6n,
  FD_ADVISE: 1n << 7n,
  FD_ALLOCATE: 1n << 8n,
  PATH_CREATE_DIRECTORY: 1n << 9n,
  PATH_CREATE_FILE: 1n << 10n,
  PATH_LINK_SOURCE: 1n << 11n,
  PATH_LINK_TARGET: 1n << 12n,
  PATH_OPEN: 1n << 13n,
  FD_READDIR: 1n << 14n,
  PATH_READLINK: 1n << 15n,
  PATH_RENAME_SOURCE: 1n << 16n,
  PATH_RENAME_TARGET: 1n << 17n,
  PATH_FILESTAT_GET: 1n << 18n,
  PATH_FILESTAT_SET_SIZE: 1n << 19n,
  PATH_FILESTAT_SET_TIMES: 1n << 20n,
  FD_FILESTAT_GET: 1n << 21n,
  FD_FILESTAT_SET_SIZE: 1n << 22n,
  FD_FILESTAT_SET_TIMES: 1n << 23n,
  PATH_SYMLINK: 1n << 24n,
  PATH_REMOVE_DIRECTORY: 1n << 25n,
  PATH_UNLINK_FILE: 1n << 26n,
  POLL_FD_READWRITE: 1n << 27n,
  SOCK_SHUTDOWN: 1n << 28n,
  SOCK_ACCEPT: 1n << 29n,
} as const;

/** Rights that write to a file; a file has them only when its guest asked for them. */
export const FILE_WRITE_RIGHTS = Right.FD_WRITE | Right.FD_ALLOCATE | Right.FD_FILESTAT_SET_SIZE;

/** Rights of a file that are no reason to refuse one to a guest that did not name them. */
const FILE_COMMON_RIGHTS =
  Right.FD_DATASYNC |
  Right.FD_SEEK |
  Right.FD_FDSTAT_SET_FLAGS |
  Right.FD_SYNC |
  Right.FD_TELL |
  Right.FD_ADVISE |
  Right.FD_FILESTAT_GET |
  Right.FD_FILESTAT_SET_TIMES |
  Right.POLL_FD_READWRITE;

const FILE_RIGHTS = FILE_COMMON_RIGHTS | FILE_WRITE_RIGHTS | Right.FD_READ;

/** All that can be done with a directory. Never FD_SEEK or FD_FILESTAT_SET_SIZE: wasi-libc tells by their absence. */
export const DIRECTORY_RIGHTS =
  Right.FD_FDSTAT_SET_FLAGS |
  Right.FD_SYNC |
  Right.FD_ADVISE |
  Right.PATH_CREATE_DIRECTORY |
  Right.PATH_CREATE_FILE |
  Right.PATH_LINK_SOURCE |
  Right.PATH_LINK_TARGET |
  Right.PATH_OPEN |
  Right.FD_READDIR |
  Right.PATH_READLINK |
  Right.PATH_RENAME_SOURCE |
  Right.PATH_RENAME_TARGET |
  Right.PATH_FILESTAT_GET |
  Right.PATH_FILESTAT_SET_SIZE |
  Right.PATH_FILESTAT_SET_TIMES |
  Right.FD_FILESTAT_GET |
  Right.FD_FILESTAT_SET_TIMES |
  Right.PATH_SYMLINK |
  Right.PATH_REMOVE_DIRECTORY |
  Right.PATH_UNLINK_FILE |
  Right.POLL_FD_READWRITE;

/** What a preopened directory hands on. */
export const INHERITING_RIGHTS = DIRECTORY_RIGHTS | FILE_RIGHTS;

/** stdin, stdout, stderr: without SEEK and TELL, which is how wasi-libc's `isatty` knows a terminal. */
export const STREAM_RIGHTS =
  Right.FD_READ | Right.FD_WRITE | Right.FD_FDSTAT_SET_FLAGS | Right.FD_FILESTAT_GET | Right.POLL_FD_READWRITE;

export const SOCKET_RIGHTS = STREAM_RIGHTS | Right.SOCK_SHUTDOWN | Right.SOCK_ACCEPT;

/** The rights of a file opened with `requested`: access is what was asked for, the rest is given. */
export function fileRights(requested: bigint, inheriting: bigint): bigint {
  return ((requested & (FILE_WRITE_RIGHTS | Right.FD_READ)) | FILE_COMMON_RIGHTS) & inheriting;
}
