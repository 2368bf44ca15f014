/*
 * Microseconds for one cycle of open, write, seek, read and close of a file in a mounted directory of the host: a C
 * program in this host, in node:wasi and built for this machine. Once for a file in the mount itself and once three
 * directories below. They take turns; what a system call costs differs much between machines, so look at the ratios.
 * Needs a C compiler.
 *
 *   node test/bench/files.mjs [cycles] [rounds]
 *   BENCH_SHORT=1     one short round
 *   BENCH_BASE=DIR    another checkout of this project takes part, to compare with
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';

import { buildGuests, guestPath } from '../guests/build.ts';
import { isShort, print, ratio, rounds, spread } from './measure.mjs';

const cycles = process.argv[2] ?? (isShort ? '500' : '5000');
const turns = Number(process.argv[3] ?? rounds(8));
const base = process.env.BENCH_BASE;

const work = mkdtempSync(join(tmpdir(), 'wc-bench-'));
try {
  await main();
} finally {
  rmSync(work, { recursive: true });
}

async function main() {
  await buildGuests();
  const module = await WebAssembly.compile(readFileSync(guestPath('tool')));
  const native = join(work, 'tool');
  execFileSync('cc', ['-O2', join(import.meta.dirname, '../guests/tool.c'), '-o', native]);
  mkdirSync(join(work, 'data/a/b/c'), { recursive: true });
  const ways = {
    'node:wasi': async (path) => await inNodeWasi(module, path),
    native: async (path) =>
      Number(execFileSync(native, ['cycle-file', join(work, path), cycles], { encoding: 'utf8' })),
    ...(base === undefined ? {} : { 'wasm before': await inHost(module, base) }),
    wasm: await inHost(module, join(import.meta.dirname, '../..')),
  };
  for (const path of ['data/file', 'data/a/b/c/file']) {
    const seen = new Map(Object.keys(ways).map((name) => [name, []]));
    for (let turn = 0; turn <= turns; turn++) {
      for (const [name, way] of Object.entries(ways)) {
        const us = await way(path);
        // The first round is for the compiler.
        if (turn > 0) seen.get(name).push(us);
      }
    }
    print(path, 'us/cycle', 'of node:wasi');
    for (const [name, times] of seen) {
      print(`  ${name}`, spread(times, 1), ratio(times, seen.get('node:wasi')).toFixed(2));
    }
  }
}

async function inHost(module, source) {
  const { WasiHost } = await import(join(source, 'src/runtime/wasm/wasi/host.ts'));
  const { buildRoot } = await import(join(source, 'src/runtime/wasm/wasi/fs/root.ts'));
  return async (path) => {
    let told = '';
    const mount = { kind: 'host', guestPath: '/data', hostPath: join(work, 'data'), readOnly: false };
    const host = new WasiHost({
      args: ['tool', 'cycle-file', `/${path}`, cycles],
      env: [],
      stdout: (chunk) => {
        told += Buffer.from(chunk).toString();
      },
      stderr: (chunk) => process.stderr.write(chunk),
      mounts: [buildRoot([mount], { nowNs: () => 0n, writableBytes: 1 << 20 })],
    });
    const exit = await host.run(module);
    if (exit.how !== 'code' || exit.code !== 0) throw new Error(`the guest ended: ${JSON.stringify(exit)}`);
    return Number(told);
  };
}

/** It prints to our stdout only: a thread of its own would be another measurement, so it is asked how long it took. */
async function inNodeWasi(module, path) {
  const preopens = { '/data': join(work, 'data') };
  const out = join(work, 'out');
  const { closeSync, openSync } = await import('node:fs');
  const stdout = openSync(out, 'w');
  const wasi = new WASI({ version: 'preview1', args: ['tool', 'cycle-file', `/${path}`, cycles], preopens, stdout });
  wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
  closeSync(stdout);
  return Number(readFileSync(out, 'utf8'));
}
