/*
 * Requests a second, and processor time for each, of components that answer wasi:http on a published port, against
 * node:http: one of C with nothing but its handler, and one of JavaScript with its engine. The servers take turns, so
 * that all meet the same machine: what counts is the ratio to node:http, not the figure. Needs `wrk`.
 *
 *   node test/bench/component.mjs [connections] [rounds]      node test/bench/component.mjs 1,8,64 8
 *   BENCH_SHORT=1     one short round
 *   BENCH_BASE=DIR    another checkout of this project takes part, to compare with
 */
import { buildComponent } from '../guests/components/build.ts';
import { compare, endAll, start } from './servers.mjs';
import { join } from 'node:path';

const base = process.env.BENCH_BASE;
const script = join(import.meta.dirname, 'http-server.mjs');
try {
  const http = await buildComponent('http');
  const javascript = await buildComponent('javascript');
  await start('node:http', process.execPath, [script, 'node']);
  if (base !== undefined) {
    await start('c before', process.execPath, [script, 'component', http], { WCOMPOSE_SRC: base });
  }
  await start('c', process.execPath, [script, 'component', http]);
  await start('c, instances kept', process.execPath, [script, 'component', http, 'kept']);
  await start('javascript', process.execPath, [script, 'component', javascript]);
  compare();
} finally {
  endAll();
}
