import type { Session } from '../control/session-server.ts';
import type { LogSink } from '../logs/record.ts';

/** What an instance prints goes to its user, byte for byte. A user who reads nothing costs a bounded amount of memory. */
export function sessionLog(session: Pick<Session, 'write'>): LogSink {
  let waiting = 0;
  let dropped = 0;
  const hand = async (stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> => {
    waiting += bytes.length;
    await session.write(stream, bytes);
    waiting -= bytes.length;
  };
  const send = (stream: 'stdout' | 'stderr', bytes: Uint8Array): void => void hand(stream, bytes);
  return {
    write: (stream, chunk) => {
      if (waiting > MAX_WAITING) dropped += chunk.length;
      else send(stream, chunk);
    },
    system: (text) => send('stderr', Buffer.from(`${text}\n`)),
    flush: () => {
      if (dropped > 0) send('stderr', Buffer.from(`wcompose: ${dropped} bytes of output were not read in time\n`));
      dropped = 0;
    },
  };
}

const MAX_WAITING = 64 * 1024 * 1024;
