/*
 * How long N Wasm services that share threads take to start, and what they take of the machine: `up -d`, then the
 * supervisor's memory, processor time and descriptors, then `down`. Needs `npm run build` and the guests of the tests.
 *
 *   node test/bench/density.mjs web.wasm [100 1000 ...]
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { supervisorOf, useOf } from './supervisor-of.mjs';

const [guest, ...counts] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'wc-density-'));
copyFileSync(guest, join(work, 'web.wasm'));
try {
  for (const count of counts.length > 0 ? counts.map(Number) : [1, 10, 100, 1000]) measure(count);
} finally {
  rmSync(work, { recursive: true });
}

function measure(count) {
  const one = '{x-wasm: {module: ./web.wasm, isolation: shared}, command: ["8080"], expose: ["8080"]}';
  const services = Array.from({ length: count }, (_, at) => `  s${at}: ${one}\n`);
  writeFileSync(join(work, 'compose.yaml'), `services:\n${services.join('')}`);
  const project = `wc-density-${count}`;
  const up = run(project, 'up', '-d');
  const use = useOf(supervisorOf(project));
  const down = run(project, 'down');
  const per = Math.round((use.cpuS * 1000) / count);
  process.stdout.write(
    `${count} services: up ${up} ms, down ${down} ms, ${use.cpuS} s of processor time (${per} ms each), ${use.rssMb} MB, ${use.descriptors} descriptors\n`,
  );
}

function run(project, ...args) {
  const cli = join(import.meta.dirname, '../../bin/wcompose.js');
  const from = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [cli, '-p', project, ...args], {
    cwd: work,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return Math.round(performance.now() - from);
}
