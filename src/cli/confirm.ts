import { createInterface } from 'node:readline/promises';

import type { Output } from '../ui/output.ts';

/** Asks and reads one line; anything but yes, and an end of the input, is no. */
export async function confirm(question: string, output: Output, signal: AbortSignal): Promise<boolean> {
  output.err(`${question} [yN] `);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) {
      signal.throwIfAborted();
      return /^y(es)?$/i.test(line.trim());
    }
    output.err('\n');
    return false;
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}
