/*
 * How long the commands take that are used all the time: wcompose as it is installed (no sources beside it) against
 * docker compose and against Node alone, in turns. Prints medians of wall and processor time with their spread. A
 * project that is up makes `ps` and `logs` say something: name it with PROJECT.
 *
 *   npm run build && COMPOSE_PEER=/path/to/docker-compose node test/bench/start.mjs [rounds]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const rounds = Number(process.argv[2] ?? 8);
const project = process.env.PROJECT ?? 'wcompose-bench-none';
const peer = process.env.COMPOSE_PEER;
const work = mkdtempSync(join(tmpdir(), 'wc-bench-'));
try {
  measure();
} finally {
  rmSync(work, { recursive: true });
}

function measure() {
  const root = join(import.meta.dirname, '../..');
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(work, part), { recursive: true });
  }
  const file = join(work, 'compose.yaml');
  const services = Array.from(
    { length: 10 },
    (_, at) => `  s${at}: {image: "a:\${TAG:-1}", ports: ["${8000 + at}:80"]}\n`,
  );
  writeFileSync(file, `services:\n${services.join('')}`);
  const programs = { wcompose: [process.execPath, join(work, 'bin/wcompose.js')], ...(peer && { peer: [peer] }) };
  const args = {
    version: ['version'],
    config: ['-f', file, 'config'],
    ps: ['-p', project, 'ps'],
    logs: ['-p', project, 'logs', '-n', '10'],
  };
  const commands = { 'node -e 0': [process.execPath, '-e', '0'] };
  for (const [name, given] of Object.entries(args)) {
    for (const [program, start] of Object.entries(programs)) commands[`${name} ${program}`] = [...start, ...given];
  }
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    // The first round fills caches of the system.
    for (const [name, command] of Object.entries(commands)) {
      const time = run(command);
      if (round > 0) times[name].push(time);
    }
  }
  for (const [name, list] of Object.entries(times)) {
    const of = (key) => summary(list.map((one) => one[key]));
    process.stdout.write(`${name.padEnd(18)} wall ${of('wall')}   cpu ${of('cpu')}\n`);
  }
}

function run(command) {
  const before = performance.now();
  const script = '"$@" >/dev/null 2>&1; times';
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8' });
  const wall = performance.now() - before;
  const parts = (stdout.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g);
  return {
    wall,
    cpu: [...parts].reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0),
  };
}

function summary(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const ms = (value) => String(Math.round(value)).padStart(4);
  return `${ms(sorted[Math.floor(sorted.length / 2)])} ms (${ms(sorted[0])} to ${ms(sorted.at(-1))})`;
}
