import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import * as fc from 'fast-check';

import type { Measured } from './limits.ts';
import { ACTS, everything, mutantsOf } from './mutants.ts';

interface Task {
  readonly work: string;
  readonly files: readonly string[];
  readonly seed: number;
  readonly count: number;
}

const [task] = (await once(process, 'message')) as [Task];
const texts = task.files.map((file) => readFileSync(file, 'utf8'));
// What is loaded when it is first needed, and compiled, is none of a mutant's.
for (const text of texts.slice(0, 20)) await everything(task.work, text).catch(() => undefined);
for (const text of fc.sample(mutantsOf(texts), { seed: task.seed, numRuns: task.count })) {
  const measured = await measure(text);
  const next = once(process, 'message');
  process.send?.(measured);
  await next;
}
process.disconnect();

/** Time of the process itself, since the machine may be busy; memory by which its peak rose above what it was before. */
async function measure(text: string): Promise<Measured> {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const from = process.cpuUsage();
  let failed: string | undefined;
  try {
    if (ACTS.test(await everything(task.work, text))) failed = 'prints what a terminal acts on';
  } catch (error) {
    failed = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { user, system } = process.cpuUsage(from);
  const peak = process.resourceUsage().maxRSS * 1024;
  const megabytes = Math.max(0, peak - before) / 1024 / 1024;
  return { milliseconds: (user + system) / 1000, megabytes, ...(failed === undefined ? {} : { failed }) };
}
