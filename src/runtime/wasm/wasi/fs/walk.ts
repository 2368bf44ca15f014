import { Errno, failure } from '../errno.ts';
import type { Directory } from './directory.ts';

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
    this.#enter(path);
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
    this.#enter(target);
  }

  close(): void {
    for (let i = this.#stack.length - 1; i > 0; i--) this.#stack[i]?.close();
    this.#stack.length = 1;
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
