/** The relay is gone or its connection is; what was asked of it may have been done or not. */
export class RelayLostError extends Error {
  override readonly name = 'RelayLostError';
}

/** The relay could not do what was asked; `errno` is its reason: `EADDRINUSE`. */
export class RelayRefusedError extends Error {
  override readonly name = 'RelayRefusedError';
  readonly errno: string;

  constructor(errno: string) {
    super(`the relay answered ${errno}`);
    this.errno = errno;
  }
}
