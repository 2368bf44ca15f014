import type { Readable } from 'node:stream';

/** The user's end of a command that runs in an instance: where its input comes from and its output goes. */
export interface Terminal {
  /** Ends with the user's end of file. */
  readonly input: Readable;
  /** Resolves when there is room for more. Never rejects: a user who left reads no more. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
  /** One listener; it is told the present size at once, where one is known. */
  onResize(listener: (size: { readonly columns: number; readonly rows: number }) => void): void;
}
