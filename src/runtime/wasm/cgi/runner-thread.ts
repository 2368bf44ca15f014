/** Entry of the threads that run guests for requests. */
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

import type { RunnerData, ToRunner } from './messages.ts';

const data = workerData as RunnerData;
if (data.compileCacheDir !== undefined) enableCompileCache(data.compileCacheDir);

const { CgiGuests } = await import('./guests.ts');

const port = parentPort;
if (port === null) throw new Error('this is no worker thread');
const guests = new CgiGuests(data, (message, transfer) => port.postMessage(message, transfer));
port.on('message', (message: ToRunner) => guests.take(message));
port.postMessage({ type: 'ready' });
