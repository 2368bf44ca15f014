import { once } from 'node:events';
import type { PassThrough } from 'node:stream';

import type { ClientSession, SessionOutput } from '../../control/session-client.ts';

/** Only bytes are of interest. */
export function rawOutput(write: (bytes: Uint8Array) => Promise<void>): SessionOutput {
  return { write: async (_stream, bytes) => await write(bytes), event: () => {}, started: () => {} };
}

/** What the session sends, into the stream, which ends or fails with it. */
export async function receive(session: ClientSession, into: PassThrough): Promise<void> {
  try {
    const output = rawOutput(async (bytes) => {
      // Whoever reads it may have failed; that is told where it is read.
      if (!into.destroyed && !into.write(bytes)) await Promise.race([once(into, 'drain'), once(into, 'close')]);
    });
    await session.run(output);
    into.end();
  } catch (error) {
    into.destroy(error as Error);
    throw error;
  }
}
