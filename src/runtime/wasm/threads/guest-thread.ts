/** Entry of the threads that run the code of a guest with threads: of its first one, too. */
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

import type { RunThread, ThreadData } from './messages.ts';

const { compileCacheDir } = workerData as ThreadData;
if (compileCacheDir !== undefined) enableCompileCache(compileCacheDir);

const { runThread } = await import('./run-thread.ts');

const port = parentPort;
if (port === null) throw new Error('this is no worker thread');
port.on('message', (message: RunThread) => runThread(message, (said) => port.postMessage(said)));
