import { Errno, failure } from '../errno.ts';
import type { Directory, File } from './directory.ts';

/** As Linux: more links in one path are a loop. */
const LINK_LIMIT = 40;
const PATH_LIMIT = 4096;
/** How deep a path may go down: every directory on the way is open until its end, and all guests share our descriptors. */
const DEPTH_LIMIT = 512;

/**
 * The way from an open directory down a guest's path, to the directory that holds the last component.
 *
 * This is what keeps a guest inside. Each step is one component, looked up in the directory that the step before
 * opened; links are read and walked here and never followed by the system; '..' goes back on our own stack and never
 * above the start. So a directory that somebody swaps for a link meanwhile changes nothing: the walk stays in what it
 * has opened. Errors: NOENT (empty path, missing component), NOTDIR, NOTCAPABLE (absolute path or link, '..' above the
 * start), LOOP, NAMETOOLONG.
 *
 * The caller acts on `name` in `parent`; meets it a link there that has to be followed, it calls `follow(target)` and
 * acts again. It must `close()` the walk in the end.
 */
export class Walk {
  /** Opened on the way, all but the first to be closed by us. */
  readonly #stack: Directory[];
  /** Components still to go, the next one last. */
  #todo: string[] = [];
  #links = 0;
  /** The directories of the path that were not walked, as they were known. */
  #skipped: string | undefined;
  /** The last component; '.' when the path ends in the directory `parent` itself. */
  name = '.';
  /** The path ended in a slash: what it names has to be a directory. */
  mustBeDirectory = false;

  constructor(start: Directory, path: string) {
    this.#stack = [start];
    if (path === '') throw failure(Errno.NOENT);
    if (path.length > PATH_LIMIT) throw failure(Errno.NAMETOOLONG);
    // The common case needs no list.
    if (!path.includes('/') && path !== '.' && path !== '..') {
      this.name = path;
      return;
    }
    if (!this.#skip(start, path)) this.#enter(path);
  }

  get parent(): Directory {
    return this.#stack[this.#stack.length - 1] as Directory;
  }

  /** The path is the start directory or one that was opened on the way. */
  get isDirectoryItself(): boolean {
    return this.name === '.';
  }

  /** Goes on at the target of the link that `name` is. */
  follow(target: string): void {
    if (++this.#links > LINK_LIMIT) this.#fail(Errno.LOOP);
    if (target === '') this.#fail(Errno.NOENT);
    const skipped = this.#skipped;
    this.#skipped = undefined;
    if (skipped === undefined || target.startsWith('/')) this.#enter(target);
    else {
      // A '..' in the target needs every directory on the way.
      this.close();
      this.#enter(`${skipped}/${target}`);
    }
  }

  /** What was found at the end of the walk may be found again without one. The path is the one this began with. */
  note(path: string, found: File | Directory): void {
    if (this.#links > 0) return;
    const start = this.#stack[0];
    const whole = start?.shortcut?.(path);
    whole?.from.noteKnown(whole.path, found);
    const slash = path.lastIndexOf('/');
    if (slash < 1 || this.#skipped !== undefined || path.slice(slash + 1) !== this.name) return;
    const directory = start?.shortcut?.(path.slice(0, slash));
    directory?.from.noteKnown(directory.path, this.parent);
  }

  close(): void {
    for (let i = this.#stack.length - 1; i > 0; i--) this.#stack[i]?.close();
    this.#stack.length = 1;
  }

  /** Goes to the directory before the last component at once, when it is known. */
  #skip(start: Directory, path: string): boolean {
    const slash = path.lastIndexOf('/');
    if (slash < 1 || slash === path.length - 1) return false;
    const name = path.slice(slash + 1);
    if (name === '.' || name === '..') return false;
    const way = start.shortcut?.(path.slice(0, slash));
    const known = way?.from.descendKnown(way.path);
    if (known === undefined) return false;
    this.#stack.push(known);
    this.#skipped = path.slice(0, slash);
    this.name = name;
    return true;
  }

  #enter(path: string): void {
    try {
      this.#push(path);
      this.#advance();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #push(path: string): void {
    if (path.startsWith('/')) throw failure(Errno.NOTCAPABLE);
    const components = path.split('/');
    let end = components.length;
    while (end > 0 && (components[end - 1] === '' || components[end - 1] === '.')) end--;
    // A slash after the last component of a link matters only when the link is the last component.
    if (end < components.length && this.#todo.length === 0) this.mustBeDirectory = true;
    for (let i = end - 1; i >= 0; i--) {
      const component = components[i];
      if (component !== undefined && component !== '' && component !== '.') this.#todo.push(component);
    }
  }

  #advance(): void {
    for (;;) {
      const component = this.#todo.pop();
      if (component === undefined) {
        this.name = '.';
        return;
      }
      if (component === '..') {
        if (this.#stack.length === 1) throw failure(Errno.NOTCAPABLE);
        this.#stack.pop()?.close();
        continue;
      }
      if (this.#todo.length === 0) {
        this.name = component;
        return;
      }
      if (this.#stack.length > DEPTH_LIMIT) throw failure(Errno.NAMETOOLONG);
      const next = this.parent.descend(component);
      if (typeof next !== 'string') this.#stack.push(next);
      else {
        if (++this.#links > LINK_LIMIT) throw failure(Errno.LOOP);
        if (next === '') throw failure(Errno.NOENT);
        this.#push(next);
      }
    }
  }

  #fail(errno: Errno): never {
    this.close();
    throw failure(errno);
  }
}
