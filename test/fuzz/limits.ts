/*
 * Tens of thousands of mutants of real compose files, each read in at most 2 seconds and 200 MB, with no exception that is
 * not ours. By hand: `node test/fuzz/limits.ts [count] [seed] [folder…]`; the folders hold compose files, test/cases by
 * default. Prints the worst, keeps every mutant that breaks a limit, and ends with 1 then.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';

/** What a worker tells of one mutant. */
export interface Measured {
  readonly milliseconds: number;
  readonly megabytes: number;
  readonly failed?: string;
}

const MOST_MS = 2_000;
const MOST_MB = 200;
/** Mutants of one process: few enough that what one leaves behind does not count for the others. */
const BATCH = 250;

const [count = '20000', seed = String(Date.now() % 1_000_000), ...folders] = process.argv.slice(2);
const roots = folders.length === 0 ? [join(import.meta.dirname, '../cases')] : folders;
const files = roots.flatMap((root) => globSync(join(root, '**/*.{yaml,yml}'))).toSorted();
const work = mkdtempSync(join(tmpdir(), 'wc-limits-'));
const worst = { milliseconds: 0, megabytes: 0 };
let broken = 0;
let done = 0;
const startedAt = performance.now();
for (let batch = 0; batch * BATCH < Number(count); batch++) await run(batch);
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
process.stdout.write(
  `${done} mutants of ${files.length} files, seed ${seed}, ${seconds} s: longest ${worst.milliseconds.toFixed(0)} ms, ` +
    `most memory ${worst.megabytes.toFixed(0)} MB, ${broken} over the limits or with a strange exception\n`,
);
if (broken === 0) rmSync(work, { recursive: true });
else process.exitCode = 1;

async function run(batch: number): Promise<void> {
  const worker = fork(join(import.meta.dirname, 'worker.ts'), { execArgv: ['--expose-gc'] });
  worker.send({ work, files, seed: Number(seed) + batch, count: Math.min(BATCH, Number(count) - batch * BATCH) });
  // Longer than any limit: whoever says nothing for so long hangs.
  const watch = setTimeout(() => worker.kill('SIGKILL'), 60_000);
  worker.on('message', (one: Measured) => {
    watch.refresh();
    done++;
    worst.milliseconds = Math.max(worst.milliseconds, one.milliseconds);
    worst.megabytes = Math.max(worst.megabytes, one.megabytes);
    if (one.failed !== undefined) keep(one.failed);
    else if (one.milliseconds > MOST_MS) keep(`${one.milliseconds.toFixed(0)} ms`);
    else if (one.megabytes > MOST_MB) keep(`${one.megabytes.toFixed(0)} MB`);
    worker.send('next');
  });
  const [code] = (await once(worker, 'exit')) as [number | null];
  clearTimeout(watch);
  if (code !== 0) keep(`the process ended with ${code}`);
}

/** The worker waits while its last mutant is copied. */
function keep(why: string): void {
  const file = join(work, `broken-${++broken}.yaml`);
  copyFileSync(join(work, 'compose.yaml'), file);
  process.stdout.write(`${file}: ${why}\n`);
}
