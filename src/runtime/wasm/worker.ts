/** Entry of the threads that guests run in. Loads everything a guest needs, then waits for the guests. */
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

import type { RunMessage, WorkerData } from './messages.ts';

const { compileCacheDir, filesAreAsked } = workerData as WorkerData;
// A thread does not have its process's cache of compiled code unless it asks; it halves the time this takes.
if (compileCacheDir !== undefined) enableCompileCache(compileCacheDir);

const { runGuest } = await import('./guest.ts');

if (filesAreAsked && parentPort !== null) {
  const { usePrivileged } = await import('./wasi/fs/privileged.ts');
  const { askedFiles } = await import('./process/asked-files.ts');
  usePrivileged(askedFiles(parentPort));
}

parentPort?.on('message', (message: RunMessage) => {
  void runGuest(message);
});
