import fs from 'node:fs';
import { clearTimeout, setTimeout } from 'node:timers';
import { HostHandle } from './host-handle.ts';

/*
 * A walk costs two system calls for each directory on the way, and what is at its end can be opened only after it was
 * held and looked at. Programs open the same few places again and again. So a place that was walked to twice within a
 * moment is held, and found again by one lstat() of its whole path: the same inode is there, so the path still names
 * what is held.
 *
 * That lstat() is the one call here which lets the system walk a guest's path, through links and out of the mount if
 * somebody has swapped a directory for a link. It cannot lead anywhere: nothing is opened by its path. Its answer is
 * compared with the device and inode of what a safe walk has held, and only what is held is used. An inode that is held
 * is not given to another file. So the most that a swap can do is to make a guest meet, by a path that now leads out,
 * the very file or directory that it met in the mount less than HELD_MS ago: what it would still have had in POSIX, had
 * it not closed it. Every answer but "the same" leads to the safe walk. The time counts from the safe walk, not from the
 * last use: nobody stretches it by asking.
 *
 * What is held keeps the disk space of a file that others delete. What a guest deletes or renames is let go at once, all
 * else after HELD_MS, by a timer or with the next look; a guest that computes and neither waits nor opens anything keeps
 * at most HELD_LIMIT places longer.
 */
const HELD_MS = 1_000;
/** In one mount. */
const HELD_LIMIT = 32;
/** In all mounts of this thread: descriptors are the process's, and many guests may be in it. */
const THREAD_LIMIT = 256;
/** Paths that were walked once. */
const SEEN_LIMIT = 64;

interface Place {
  readonly handle: HostHandle;
  readonly isDirectory: boolean;
  readonly device: number;
  readonly inode: number;
  readonly untilMs: number;
}

/** A component that a key must not have: the walk alone knows what `..` means. */
const SPECIAL = /(?:^|\/)\.{0,2}(?:\/|$)/;

let heldInThread = 0;

/** The places below the directory of `prefix` (which ends in a slash) that were walked to a moment ago, by their paths. */
export class KnownPlaces {
  readonly #prefix: string;
  readonly #held = new Map<string, Place>();
  /** Until when one more walk to the path makes it a place to hold. */
  readonly #seen = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Of the directory that is now at the path. Undefined says nothing about the path, here and below. */
  directory(path: string): HostHandle | undefined {
    return this.#find(path, true);
  }

  /** Of the regular file that is now at the path, for the caller until its next call here. */
  file(path: string): HostHandle | undefined {
    return this.#find(path, false);
  }

  /** A safe walk, through no link, has come to the directory. */
  noteDirectory(path: string, directory: HostHandle): void {
    if (this.#isAgain(path)) this.#hold(path, true, () => directory.retain());
  }

  /** A safe walk, through no link, has come to the regular file that `fd` has open. */
  noteFile(path: string, fd: number): void {
    if (this.#isAgain(path)) this.#hold(path, false, () => new HostHandle(fs.openSync(`/proc/self/fd/${fd}`, O_PATH)));
  }

  /** The name was removed or is another's now, somewhere in the mount. */
  forget(name: string): void {
    for (const [path, place] of this.#held) {
      if (path.split('/').includes(name)) this.#drop(path, place);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const [path, place] of this.#held) this.#drop(path, place);
    this.#seen.clear();
  }

  #find(path: string, isDirectory: boolean): HostHandle | undefined {
    const place = this.#held.get(path);
    if (place === undefined || place.isDirectory !== isDirectory) return undefined;
    if (performance.now() < place.untilMs && this.#isAt(path, place)) return place.handle;
    this.#drop(path, place);
    return undefined;
  }

  #isAgain(path: string): boolean {
    const now = performance.now();
    const until = this.#seen.get(path);
    if (until !== undefined && now < until) return this.#seen.delete(path);
    if (SPECIAL.test(path)) return false;
    this.#seen.delete(path);
    this.#seen.set(path, now + HELD_MS);
    if (this.#seen.size > SEEN_LIMIT) this.#seen.delete(firstKey(this.#seen));
    return false;
  }

  #hold(path: string, isDirectory: boolean, open: () => HostHandle): void {
    const known = this.#held.get(path);
    if (known !== undefined) this.#drop(path, known);
    this.#dropOld();
    if (this.#held.size >= HELD_LIMIT) {
      const oldest = firstKey(this.#held);
      this.#drop(oldest, this.#held.get(oldest) as Place);
    }
    if (heldInThread >= THREAD_LIMIT) return;
    const handle = openIfPossible(open);
    if (handle === undefined) return;
    const { dev, ino } = fs.fstatSync(handle.fd);
    heldInThread++;
    this.#held.set(path, { handle, isDirectory, device: dev, inode: ino, untilMs: performance.now() + HELD_MS });
    this.#timer ??= setTimeout(this.#sweep, HELD_MS).unref();
  }

  #isAt(path: string, { device, inode }: Place): boolean {
    try {
      const stat = fs.lstatSync(this.#prefix + path, { throwIfNoEntry: false });
      // A number that Node has rounded names no file for certain.
      return stat?.ino === inode && stat.dev === device && Number.isSafeInteger(inode);
    } catch {
      // EACCES, ELOOP and the like: the walk says what it is.
      return false;
    }
  }

  #drop(path: string, place: Place): void {
    this.#held.delete(path);
    heldInThread--;
    place.handle.release();
  }

  #dropOld(): void {
    const now = performance.now();
    for (const [path, place] of this.#held) {
      // The oldest come first.
      if (now < place.untilMs) return;
      this.#drop(path, place);
    }
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    this.#dropOld();
    const [oldest] = this.#held.values();
    if (oldest === undefined) return;
    this.#timer = setTimeout(this.#sweep, Math.max(1, oldest.untilMs - performance.now())).unref();
  };
}

/** Linux; Node has no name for it, but hands it through. */
export const O_PATH = 0o10000000;

function openIfPossible(open: () => HostHandle): HostHandle | undefined {
  try {
    return open();
  } catch {
    // EMFILE: the place is walked to again.
    return undefined;
  }
}

function firstKey(map: ReadonlyMap<string, unknown>): string {
  const [key = ''] = map.keys();
  return key;
}
