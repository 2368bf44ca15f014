/*
 * Requests a second, and processor time for each, of the C server test/guests/http-poll.c as a Wasm service on a
 * published port, against node:http and the same source built for this machine. The servers take turns, so that all meet
 * the same machine: what counts is the ratio to node:http, not the figure. Needs `wrk` and a C compiler.
 *
 *   node test/bench/http.mjs [connections] [rounds]      node test/bench/http.mjs 1,8,64 8
 *   BENCH_SHORT=1     one short round
 *   BENCH_BASE=DIR    another checkout of this project takes part, to compare with
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildGuests } from '../guests/build.ts';
import { compare, endAll, start } from './servers.mjs';

const base = process.env.BENCH_BASE;

const work = mkdtempSync(join(tmpdir(), 'wc-bench-'));
try {
  await buildGuests();
  const native = join(work, 'http-poll');
  execFileSync('cc', ['-O2', '-DNATIVE', join(import.meta.dirname, '../guests/http-poll.c'), '-o', native]);
  const script = join(import.meta.dirname, 'http-server.mjs');
  await start('node:http', process.execPath, [script, 'node']);
  await start('native', native, ['18480']);
  if (base !== undefined) await start('wasm before', process.execPath, [script, 'wasm'], { WCOMPOSE_SRC: base });
  await start('wasm', process.execPath, [script, 'wasm']);
  compare();
} finally {
  endAll();
  rmSync(work, { recursive: true });
}
