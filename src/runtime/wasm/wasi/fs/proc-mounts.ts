import fs from 'node:fs';

/**
 * Where a process file system can be reached from `path`, an absolute path without links; undefined: it cannot.
 *
 * To a container, `/proc/self` is itself. A guest is a thread of this process: in a mounted `/proc` it would find our own
 * memory, as a regular file.
 */
export function procMountIn(path: string, mountInfo = readMountInfo()): string | undefined {
  let holder = { point: '', type: '' };
  for (const line of mountInfo.split('\n')) {
    // id parent device root MOUNT-POINT options [tags...] - TYPE source options
    const [mount = '', rest = ''] = line.split(' - ');
    const point = unescapeOctal(mount.split(' ')[4] ?? '');
    const type = rest.split(' ')[0] ?? '';
    if (point === '') continue;
    if (type === 'proc' && isWithin(point, path)) return point;
    // Of two mounts at one point the later one is on top.
    if (isWithin(path, point) && point.length >= holder.point.length) holder = { point, type };
  }
  return holder.type === 'proc' ? holder.point : undefined;
}

function readMountInfo(): string {
  return fs.readFileSync('/proc/self/mountinfo', 'utf8');
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Spaces, tabs, newlines and backslashes are `\040` and the like. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
