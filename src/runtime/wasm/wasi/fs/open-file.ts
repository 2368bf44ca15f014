import { type Descriptor, Fdflags, type Filetype } from '../descriptor.ts';
import { Errno, failure } from '../errno.ts';
import type { GuestBuffers } from '../guest-memory.ts';
import { Right } from '../rights.ts';
import type { File } from './directory.ts';

/** More at once the system does not do, nor Node ask it for; the guest is told of what was done. */
const IO_LIMIT = 0x7ffff000;

/** A file as a guest has it open: the file, a position in it and what may be done with it. */
export class OpenFile implements Descriptor {
  readonly filetype: Filetype;
  readonly inheriting = 0n;
  readonly file: File;
  position = 0;
  #rights = 0n;
  #readable = false;
  #writable = false;
  #fdflags: number;

  constructor(file: File, rights: bigint, fdflags: number) {
    this.file = file;
    this.filetype = file.filetype;
    this.rights = rights;
    this.#fdflags = fdflags;
  }

  get rights(): bigint {
    return this.#rights;
  }

  set rights(rights: bigint) {
    this.#rights = rights;
    this.#readable = (rights & Right.FD_READ) !== 0n;
    this.#writable = (rights & Right.FD_WRITE) !== 0n;
  }

  get fdflags(): number {
    return this.#fdflags;
  }

  set fdflags(fdflags: number) {
    this.file.setAppend((fdflags & Fdflags.APPEND) !== 0);
    this.#fdflags = fdflags;
  }

  read(into: GuestBuffers): number {
    const n = this.readAt(into, this.position);
    this.position += n;
    return n;
  }

  write(from: GuestBuffers): number {
    if ((this.#fdflags & Fdflags.APPEND) === 0) {
      const n = this.writeAt(from, this.position);
      this.position += n;
      return n;
    }
    const n = this.writeAt(from, -1);
    if (n > 0) this.position = this.file.size();
    return n;
  }

  /** POSIX: without the access it was opened for, a descriptor is a bad one. */
  readAt(into: GuestBuffers, position: number): number {
    if (!this.#readable) throw failure(Errno.BADF);
    return this.file.read(into.views(IO_LIMIT), position);
  }

  writeAt(from: GuestBuffers, position: number): number {
    if (!this.#writable) throw failure(Errno.BADF);
    return this.file.write(from.views(IO_LIMIT), position);
  }

  close(): void {
    this.file.close();
  }
}
