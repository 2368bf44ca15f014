/*
 * Requests a second, and processor time for each, of the C program test/guests/cgi.c, an instance for each request:
 * as a service of ours with `interface: cgi`, and built for this machine behind nginx and fcgiwrap, a process for each
 * request. node:http with an answer of the same length is what both are compared with. The servers take turns, so that
 * all meet the same machine: what counts is the ratio, not the figure. Needs `wrk`, a C compiler, nginx and fcgiwrap.
 *
 *   node test/bench/cgi.mjs [connections] [rounds]      node test/bench/cgi.mjs 1,8,64 8
 *   BENCH_SHORT=1     one short round
 *   BENCH_BASE=DIR    another checkout of this project takes part, to compare with
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { buildGuests } from '../guests/build.ts';
import { add, compare, endAll, start } from './servers.mjs';

const base = process.env.BENCH_BASE;
const NGINX_PORT = 18_481;

const work = mkdtempSync(join(tmpdir(), 'wc-bench-'));
try {
  await buildGuests();
  const script = join(import.meta.dirname, 'http-server.mjs');
  await start('node:http', process.execPath, [script, 'node']);
  add('native, nginx + fcgiwrap', await startNginx(), NGINX_PORT);
  if (base !== undefined) await start('wasm before', process.execPath, [script, 'cgi'], { WCOMPOSE_SRC: base });
  await start('wasm', process.execPath, [script, 'cgi']);
  compare();
} finally {
  endAll();
  rmSync(work, { recursive: true });
}

/** One process for the connections, and one for each processor that starts the programs. */
async function startNginx() {
  const program = join(work, 'cgi');
  const socket = join(work, 'fcgi');
  execFileSync('cc', ['-O2', join(import.meta.dirname, '../guests/cgi.c'), '-o', program]);
  writeFileSync(
    join(work, 'nginx.conf'),
    `daemon off; master_process off; user root; pid ${work}/pid; error_log ${work}/error.log;
     events {}
     http {
       access_log off; keepalive_requests 1000000000;
       server {
         listen 127.0.0.1:${NGINX_PORT};
         location / {
           include /etc/nginx/fastcgi_params;
           fastcgi_param SCRIPT_FILENAME ${program}; fastcgi_param PATH_INFO $uri;
           fastcgi_pass unix:${socket};
         }
       }
     }`,
  );
  const options = { stdio: ['ignore', 'inherit', 'inherit'] };
  const children = [
    spawn('fcgiwrap', ['-c', String(availableParallelism()), '-s', `unix:${socket}`], options),
    spawn('nginx', ['-c', join(work, 'nginx.conf'), '-p', work], options),
  ];
  const deadline = performance.now() + 10_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${NGINX_PORT}/hello`).catch(() => undefined);
    if (answer?.status === 200) return children;
    if (performance.now() > deadline) throw new Error('nginx and fcgiwrap do not answer');
    await delay(50);
  }
}
