/*
 * Requests a second, and processor time for each, of the C server test/guests/http-poll.c as a Wasm service on a
 * published port, against node:http and the same source built for this machine. The servers take turns, so that all meet
 * the same machine: what counts is the ratio to node:http, not the figure. Needs `wrk` and a C compiler.
 *
 *   node test/bench/http.mjs [connections] [rounds]      node test/bench/http.mjs 1,8,64 8
 *   BENCH_SHORT=1     one short round
 *   BENCH_BASE=DIR    another checkout of this project takes part, to compare with
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildGuests } from '../guests/build.ts';
import { cpuSeconds, isShort, print, ratio, rounds, spread } from './measure.mjs';

const connections = (process.argv[2] ?? '1,8,64').split(',').map(Number);
const turns = Number(process.argv[3] ?? rounds(8));
const seconds = isShort ? 1 : 2;
const base = process.env.BENCH_BASE;

const work = mkdtempSync(join(tmpdir(), 'wc-bench-'));
const servers = new Map();
try {
  await buildGuests();
  const native = join(work, 'http-poll');
  execFileSync('cc', ['-O2', '-DNATIVE', join(import.meta.dirname, '../guests/http-poll.c'), '-o', native]);
  const script = join(import.meta.dirname, 'http-server.mjs');
  await start('node:http', process.execPath, [script, 'node']);
  await start('native', native, ['18480']);
  if (base !== undefined) await start('wasm before', process.execPath, [script, 'wasm'], { WCOMPOSE_SRC: base });
  await start('wasm', process.execPath, [script, 'wasm']);
  for (const count of connections) measure(count);
} finally {
  for (const { child } of servers.values()) child.kill('SIGKILL');
  rmSync(work, { recursive: true });
}

function measure(count) {
  const seen = new Map([...servers.keys()].map((name) => [name, { rate: [], cpu: [] }]));
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, server] of servers) {
      const { rate, cpu } = load(server, count);
      seen.get(name).rate.push(rate);
      seen.get(name).cpu.push(cpu);
    }
  }
  const reference = seen.get('node:http');
  print(`${count} connections`, 'requests/s', 'of node:http', 'cpu us/request', 'of node:http');
  for (const [name, { rate, cpu }] of seen) {
    const shares = [ratio(rate, reference.rate), ratio(cpu, reference.cpu)].map((share) => share.toFixed(2));
    print(`  ${name}`, spread(rate), shares[0], spread(cpu, 1), shares[1]);
  }
}

function load({ child, port }, count) {
  const from = cpuSeconds(child.pid);
  const args = ['-t1', `-c${count}`, `-d${seconds}s`, `http://127.0.0.1:${port}/`];
  const told = execFileSync('wrk', args, { encoding: 'utf8' });
  const requests = Number(/(\d+) requests in/.exec(told)?.[1]);
  if (!(requests > 0) || /Socket errors|Non-2xx/.test(told)) throw new Error(`wrk found errors: ${told}`);
  return { rate: requests / seconds, cpu: ((cpuSeconds(child.pid) - from) * 1e6) / requests };
}

async function start(name, program, args, env = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const { promise, resolve, reject } = Promise.withResolvers();
  child.once('error', reject);
  child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  child.stdout.once('data', (line) => resolve(Number(/\d+/.exec(String(line))?.[0])));
  servers.set(name, { child, port: await promise });
}
