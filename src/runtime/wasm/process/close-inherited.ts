import { closeSync, readdirSync, readFileSync } from 'node:fs';

const O_CLOEXEC = 0o2000000;

/**
 * Closes what whoever started the supervisor left open for all its descendants. Everything that Node opens itself is
 * marked to be closed in programs that are started; what is not marked was inherited. Does nothing where there is no
 * `/proc`.
 */
export function closeInherited(above: number): void {
  let names: readonly string[];
  try {
    names = readdirSync('/proc/self/fd');
  } catch {
    // ENOENT: not Linux.
    return;
  }
  for (const fd of names.map(Number)) if (fd > above && isInherited(fd)) closeSync(fd);
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // ENOENT: the descriptor that the directory was listed by.
    return false;
  }
}
