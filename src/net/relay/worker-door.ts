import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers';

import { copyBothWays } from './copy-both-ways.ts';
import type { OnOpen } from './relay-streams.ts';

/** Connects what comes through a relay to the worker that listens on `<socketDir>/<port>`, as the relay itself would. */
export function workerDoor(socketDir: string): OnOpen {
  return (port, peer, stream) => {
    const path = join(socketDir, String(port));
    const attempt = (): void => {
      if (stream.destroyed) return;
      const socket = connect({ path, allowHalfOpen: true });
      const giveUp = (): void => void socket.destroy();
      stream.once('close', giveUp);
      socket.once('error', (error: NodeJS.ErrnoException) => {
        stream.off('close', giveUp);
        // The worker's queue is full; a unix socket does not wait for room.
        if (error.code === 'EAGAIN') setTimeout(attempt, RETRY_MS);
        else stream.destroy();
      });
      socket.once('connect', () => {
        stream.off('close', giveUp);
        socket.removeAllListeners('error');
        socket.write(`${peer}\n`);
        copyBothWays(stream, socket);
      });
    };
    attempt();
  };
}

const RETRY_MS = 5;
