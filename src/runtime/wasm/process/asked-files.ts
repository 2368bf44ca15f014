import { constants } from 'node:fs';
import { open, symlink } from 'node:fs/promises';
import type { MessagePort } from 'node:worker_threads';

import type { PrivilegedCalls } from '../wasi/fs/privileged.ts';

/** What the guest's thread asks for; `fd` is one of its process. */
export type FileQuestion =
  | { readonly what: 'sync'; readonly fd: number; readonly dataOnly: boolean }
  | { readonly what: 'symlink'; readonly fd: number; readonly name: string; readonly target: string };

/** From the guest's thread to the main thread of its process. The answer goes into `cell`. */
export interface AskedFile {
  readonly question: FileQuestion;
  readonly cell: SharedArrayBuffer;
}

/*
 *     cell -> | i32: 0 = waits, else 1 + length of the error's code | code, ASCII |
 */
const CELL_BYTES = 68;
const CODE_LIMIT = CELL_BYTES - 4;

/** The calls as the guest's thread makes them: it waits for the answer. */
export function askedFiles(port: MessagePort): PrivilegedCalls {
  const ask = (question: FileQuestion): void => {
    const cell = new SharedArrayBuffer(CELL_BYTES);
    const state = new Int32Array(cell, 0, 1);
    port.postMessage({ question, cell } satisfies AskedFile);
    Atomics.wait(state, 0, 0);
    const code = Buffer.from(new Uint8Array(cell, 4, Atomics.load(state, 0) - 1)).toString();
    if (code !== '') throw Object.assign(new Error(`${code}: ${question.what}`), { code });
  };
  return {
    sync: (fd, dataOnly) => ask({ what: 'sync', fd, dataOnly }),
    symlink: (fd, name, target) => ask({ what: 'symlink', fd, name, target }),
  };
}

/** Lets the guest's thread go on; an empty code is success. */
export function answerFile(cell: SharedArrayBuffer, code: string): void {
  const bytes = Buffer.from(code).subarray(0, CODE_LIMIT);
  new Uint8Array(cell, 4).set(bytes);
  const state = new Int32Array(cell, 0, 1);
  Atomics.store(state, 0, 1 + bytes.length);
  Atomics.notify(state, 0);
}

/**
 * Does in the supervisor what a guest's process may not do itself. It reaches only what that process has open; resolves
 * with the code of the error, empty for success.
 */
export async function serveFile(pid: number, question: FileQuestion): Promise<string> {
  const held = `/proc/${pid}/fd/${question.fd}`;
  try {
    if (question.what === 'symlink') {
      if (/^\.{0,2}$|[/\0]/.test(question.name)) return 'EINVAL';
      await symlink(question.target, `${held}/${question.name}`);
      return '';
    }
    // Not blocked by a FIFO, whatever the process has made of the number.
    await using file = await open(held, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stat = await file.stat();
    if (!stat.isFile() && !stat.isDirectory()) return 'EINVAL';
    await (question.dataOnly ? file.datasync() : file.sync());
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EIO';
  }
}
