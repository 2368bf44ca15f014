/** Entry of the threads that guests run in. Loads everything a guest needs, then waits for the guests. */
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

import type { RunMessage, WorkerData } from './messages.ts';

const { compileCacheDir } = workerData as WorkerData;
// A thread does not have its process's cache of compiled code unless it asks; it halves the time this takes.
if (compileCacheDir !== undefined) enableCompileCache(compileCacheDir);

const { runGuest } = await import('./guest.ts');

parentPort?.on('message', (message: RunMessage) => {
  void runGuest(message.request, message.port);
});
