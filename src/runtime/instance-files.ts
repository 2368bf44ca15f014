import type { Readable } from 'node:stream';

/** The files of one instance, as tar archives. Paths are absolute, or begin at the root. */
export interface InstanceFiles {
  /** What is there, links not followed; undefined: nothing. */
  stat(path: string, signal: AbortSignal): Promise<FileFacts | undefined>;
  /** The file or directory; its entries begin with its own name. */
  read(path: string, signal: AbortSignal): Promise<Readable>;
  /** Puts what is in the archive into the directory, which is there. Never turns a directory into a file or back. */
  write(directory: string, archive: Readable, options: WriteOptions, signal: AbortSignal): Promise<void>;
}

export interface WriteOptions {
  /** Files get the owner that the instance runs as. */
  readonly ownedByUser: boolean;
}

export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Of a link. */
  readonly target: string;
}
