import fs from 'node:fs';

/** What Node refuses to a process with permissions, wherever the files are: somebody else does it then. */
export interface PrivilegedCalls {
  /** Brings an open file or directory to the disk. */
  sync(fd: number, dataOnly: boolean): void;
  /** Makes the link `name` in the directory `fd`. */
  symlink(fd: number, name: string, target: string): void;
}

const direct: PrivilegedCalls = {
  sync: (fd, dataOnly) => (dataOnly ? fs.fdatasyncSync(fd) : fs.fsyncSync(fd)),
  symlink: (fd, name, target) => fs.symlinkSync(target, `/proc/self/fd/${fd}/${name}`),
};

let calls = direct;

/** Of this thread. */
export function privileged(): PrivilegedCalls {
  return calls;
}

/** For a thread of a process with permissions, before a guest runs in it. */
export function usePrivileged(others: PrivilegedCalls): void {
  calls = others;
}
