/*
 * Lines a second from one Wasm service, which writes them one by one, to the store on disk: alone, with a client that
 * follows, and with one that follows but does not read. Also the processor time of the supervisor's main thread for a
 * line, which says more on a busy machine. Runs take turns; ratios are to the run without a client.
 *
 *   node test/bench/logs.mjs [lines] [rounds]
 *   BENCH_SHORT=1     one short round
 *   BENCH_BASE=DIR    another checkout of this project takes part, to compare with
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { buildGuests } from '../guests/build.ts';
import { isShort, print, ratio, rounds, spread } from './measure.mjs';

const lines = process.argv[2] ?? (isShort ? '20000' : '500000');
const turns = Number(process.argv[3] ?? rounds(8));
const base = process.env.BENCH_BASE;
const sources = new Map([...(base === undefined ? [] : [['before, ', base]]), ['', undefined]]);
const followers = ['none', 'fast', 'slow'];

await buildGuests();
const seen = new Map();
for (let turn = 0; turn < turns; turn++) {
  for (const [name, source] of sources) {
    for (const follower of followers) {
      const run = measure(follower, source);
      const key = `${name}follower: ${follower}`;
      seen.set(key, [...(seen.get(key) ?? []), run]);
    }
  }
}
const reference = seen.get('follower: none').map((run) => run.rate);
print(`${lines} lines`, 'lines/s', 'of no follower', 'main thread us/line');
for (const [name, runs] of seen) {
  const rates = runs.map((run) => run.rate);
  const cpu = runs.map((run) => run.mainUs);
  print(`  ${name}`, spread(rates), ratio(rates, reference).toFixed(2), spread(cpu, 2));
}

function measure(follower, source) {
  const env = { ...process.env, ...(source === undefined ? {} : { WCOMPOSE_SRC: source }) };
  const args = [join(import.meta.dirname, 'logs-writer.mjs'), follower, lines];
  return JSON.parse(execFileSync(process.execPath, args, { env, encoding: 'utf8', timeout: 120_000 }));
}
