/**
 * `__wasi_errno_t` (https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#errno), 0 to 76, and the
 * codes that WasmEdge's `sock_getaddrinfo` adds (AI*, 77 to 87).
 */
export const Errno = {
  SUCCESS: 0,
  TOOBIG: 1,
  ACCES: 2,
  ADDRINUSE: 3,
  ADDRNOTAVAIL: 4,
  AFNOSUPPORT: 5,
  AGAIN: 6,
  ALREADY: 7,
  BADF: 8,
  BADMSG: 9,
  BUSY: 10,
  CANCELED: 11,
  CHILD: 12,
  CONNABORTED: 13,
  CONNREFUSED: 14,
  CONNRESET: 15,
  DEADLK: 16,
  DESTADDRREQ: 17,
  DOM: 18,
  DQUOT: 19,
  EXIST: 20,
  FAULT: 21,
  FBIG: 22,
  HOSTUNREACH: 23,
  IDRM: 24,
  ILSEQ: 25,
  INPROGRESS: 26,
  INTR: 27,
  INVAL: 28,
  IO: 29,
  ISCONN: 30,
  ISDIR: 31,
  LOOP: 32,
  MFILE: 33,
  MLINK: 34,
  MSGSIZE: 35,
  MULTIHOP: 36,
  NAMETOOLONG: 37,
  NETDOWN: 38,
  NETRESET: 39,
  NETUNREACH: 40,
  NFILE: 41,
  NOBUFS: 42,
  NODEV: 43,
  NOENT: 44,
  NOEXEC: 45,
  NOLCK: 46,
  NOLINK: 47,
  NOMEM: 48,
  NOMSG: 49,
  NOPROTOOPT: 50,
  NOSPC: 51,
  NOSYS: 52,
  NOTCONN: 53,
  NOTDIR: 54,
  NOTEMPTY: 55,
  NOTRECOVERABLE: 56,
  NOTSOCK: 57,
  NOTSUP: 58,
  NOTTY: 59,
  NXIO: 60,
  OVERFLOW: 61,
  OWNERDEAD: 62,
  PERM: 63,
  PIPE: 64,
  PROTO: 65,
  PROTONOSUPPORT: 66,
  PROTOTYPE: 67,
  RANGE: 68,
  ROFS: 69,
  SPIPE: 70,
  SRCH: 71,
  STALE: 72,
  TIMEDOUT: 73,
  TXTBSY: 74,
  XDEV: 75,
  NOTCAPABLE: 76,
  AIADDRFAMILY: 77,
  AIAGAIN: 78,
  AIBADFLAG: 79,
  AIFAIL: 80,
  AIFAMILY: 81,
  AIMEMORY: 82,
  AINODATA: 83,
  AINONAME: 84,
  AISERVICE: 85,
  AISOCKTYPE: 86,
  AISYSTEM: 87,
} as const;
export type Errno = (typeof Errno)[keyof typeof Errno];

/** The guest's errno for an error of a Node API (`error.code`: 'ENOENT', ...) or a `WasiError`; IO for any other. */
export function errnoOf(error: unknown): number {
  if (error instanceof WasiError) return error.errno;
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return (typeof code === 'string' ? BY_NODE_CODE.get(code) : undefined) ?? Errno.IO;
}

/**
 * A failure that the file-system code meets deep inside and that ends the guest's call with `errno`.
 * There is one object per errno, without a stack: `throw failure(Errno.NOENT)` costs next to nothing.
 */
export class WasiError extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`WASI errno ${errno}`);
    this.errno = errno;
  }
}

const failures = new Map<number, WasiError>();

/** The error to throw for `errno`. */
export function failure(errno: Errno): WasiError {
  const known = failures.get(errno);
  if (known !== undefined) return known;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const made = new WasiError(errno);
  Error.stackTraceLimit = limit;
  failures.set(errno, made);
  return made;
}

const BY_NODE_CODE: ReadonlyMap<string, number> = new Map([
  // 'E' + name for every errno that POSIX shares with WASI.
  ...Object.entries(Errno)
    .filter(([, errno]) => errno > Errno.SUCCESS && errno <= Errno.XDEV)
    .map(([name, errno]): [string, number] => [name === 'TOOBIG' ? 'E2BIG' : `E${name}`, errno]),
  ['EOPNOTSUPP', Errno.NOTSUP],
  ['EWOULDBLOCK', Errno.AGAIN],
  ['ESOCKETTIMEDOUT', Errno.TIMEDOUT],
  ['ERR_FS_FILE_TOO_LARGE', Errno.FBIG],
  ['ERR_OUT_OF_RANGE', Errno.INVAL],
  ['ERR_SOCKET_BAD_PORT', Errno.INVAL],
  ['ERR_STREAM_WRITE_AFTER_END', Errno.PIPE],
  ['ERR_STREAM_DESTROYED', Errno.PIPE],
]);
