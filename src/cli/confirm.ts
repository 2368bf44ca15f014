import { createInterface } from 'node:readline/promises';

import type { Output } from '../ui/output.ts';

/** Asks and reads one line; anything but yes, and an end of the input, is no. */
export async function confirm(question: string, output: Output, signal: AbortSignal): Promise<boolean> {
  return (await confirmEach([question], output, signal))[0] === true;
}

/** Asks one question after the other. */
export async function confirmEach(
  questions: readonly string[],
  output: Output,
  signal: AbortSignal,
): Promise<readonly boolean[]> {
  const lines = createInterface({ input: process.stdin });
  const answers: boolean[] = [];
  try {
    const read = lines[Symbol.asyncIterator]();
    for (const question of questions) {
      output.err(`${question} [yN] `);
      const line = await read.next();
      signal.throwIfAborted();
      if (line.done === true) output.err('\n');
      answers.push(line.done !== true && /^y(es)?$/i.test(line.value.trim()));
    }
    return answers;
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}
