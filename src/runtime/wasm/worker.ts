/** Entry of the threads that guests run in. Loads everything a guest needs, then waits for the guests. */
import { parentPort } from 'node:worker_threads';

import { runGuest } from './guest.ts';
import type { RunMessage } from './messages.ts';

parentPort?.on('message', (message: RunMessage) => {
  void runGuest(message.request, message.port);
});
