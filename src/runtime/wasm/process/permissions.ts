import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';

import { WcError } from '../../../model/diagnostic.ts';
import type { GuestRequest } from '../messages.ts';

/**
 * The flags of Node under which a guest's process runs: of the file system it reaches our own code, the sockets of its
 * ports and what is mounted. `/proc/self/fd/` is what a mounted directory is walked through, name by name; it leads
 * nowhere but to what is open; `fd*` is also its listing, and `fdinfo`. No program, no add-on and no inspector can be started.
 */
export function permissionFlags(request: Pick<GuestRequest, 'mounts' | 'socketDir' | 'engine'>): readonly string[] {
  const read = [...ownCode(request.engine), '/proc/self/fd*', '/proc/self/mountinfo', directory(request.socketDir)];
  const write = ['/proc/self/fd/', directory(request.socketDir)];
  for (const mount of request.mounts) {
    if (mount.kind !== 'host') continue;
    const paths = placesOf(mount.hostPath);
    read.push(...paths);
    if (!mount.readOnly) write.push(...paths);
  }
  return [
    '--permission',
    '--allow-worker',
    // Node before 25 does not know the flag: sockets are not among its permissions.
    ...(process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : []),
    ...read.map((place) => `--allow-fs-read=${place}`),
    ...write.map((place) => `--allow-fs-write=${place}`),
    '--disable-sigusr1',
    '--disable-warning=SecurityWarning',
    '--disable-warning=ExperimentalWarning',
  ];
}

/** The sources or what was built from them, and what says which kind of modules they are. */
function ownCode(engine: GuestRequest['engine']): readonly string[] {
  const top = path.resolve(import.meta.dirname, '../../..');
  const packages = engine === 'wasmer' ? [directory(path.join(path.dirname(top), 'node_modules', '@wasmer'))] : [];
  return [directory(top), path.join(path.dirname(top), 'package.json'), ...packages.flatMap(placesOf)];
}

/** A path as it was named, and where its links lead. */
function placesOf(hostPath: string): readonly string[] {
  if (hostPath.includes('*')) {
    throw new WcError('ERR_MOUNT', `cannot mount ${hostPath} for a service with a process of its own`, {
      hint: 'Node takes the * in its name for all names; mount it under another name',
    });
  }
  // What does not exist is told where it is mounted.
  if (!existsSync(hostPath)) return [hostPath];
  return [...new Set([hostPath, realpathSync(hostPath)])].flatMap((place) => [place, directory(place)]);
}

function directory(place: string): string {
  return place.endsWith(path.sep) ? place : place + path.sep;
}
