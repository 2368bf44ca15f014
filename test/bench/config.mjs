/*
 * `config` of 10, 100, 1,000 and 10,000 services: wcompose against docker compose, in turns, so that both meet the
 * same machine. Prints the medians of processor time (user and system), their spread and the ratio; wall time of a
 * busy machine says little.
 *
 *   COMPOSE_PEER=/path/to/docker-compose node test/bench/config.mjs [sizes] [rounds]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const peer = process.env.COMPOSE_PEER;
const sizes = (process.argv[2] ?? '10,100,1000,10000').split(',').map(Number);
const rounds = Number(process.argv[3] ?? 5);
const program = process.env.WCOMPOSE ?? join(import.meta.dirname, '../../bin/wcompose.js');

const work = mkdtempSync(join(tmpdir(), 'wc-bench-'));
try {
  for (const size of sizes) measure(size);
} finally {
  rmSync(work, { recursive: true });
}

function measure(size) {
  const file = join(work, `${size}.yaml`);
  writeFileSync(file, project(size));
  const commands = { wcompose: [process.execPath, program], ...(peer === undefined ? {} : { peer: [peer] }) };
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, command] of Object.entries(commands)) {
      const time = run([...command, '-f', file, 'config']);
      // The first round fills caches.
      if (round > 0) times[name].push(time);
    }
  }
  const ratio = peer === undefined ? '' : `   ratio ${(median(times.wcompose) / median(times.peer)).toFixed(2)}`;
  const shown = Object.entries(times).map(([name, list]) => `${name} ${summary(list)}`);
  process.stdout.write(`${String(size).padStart(6)} services   ${shown.join('   ')}${ratio}\n`);
}

/** Seconds of processor time of the command and its threads: the second line of the shell's `times`. */
function run(command) {
  const script = '"$@" >/dev/null || exit 1; times';
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')} failed: ${stderr}`);
  const parts = (stdout.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g);
  return [...parts].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function summary(list) {
  const seconds = (value) => value.toFixed(2);
  return `${seconds(median(list))} s (${seconds(Math.min(...list))} to ${seconds(Math.max(...list))})`;
}

/** Services with what most compose files have. */
function project(size) {
  const services = Array.from({ length: size }, (_, index) => service(index)).join('');
  const volumes = Array.from({ length: 10 }, (_, index) => `  data-${index}: {}\n`).join('');
  return `name: bench\nservices:\n${services}networks:\n  front: {}\n  back: {}\nvolumes:\n${volumes}`;
}

function service(index) {
  return `  service-${index}:
    image: registry.example/app-${index}:\${TAG:-latest}
    command: ["serve", "--port", "${8000 + (index % 1000)}"]
    environment:
      NODE_ENV: production
      INDEX: "${index}"
      DATABASE_URL: postgres://app:secret@db-${index}:5432/app
    ports:
      - "${10_000 + index}:80"
    volumes:
      - data-${index % 10}:/var/lib/app
      - ./conf/${index}.conf:/etc/app.conf:ro
${index === 0 ? '' : '    depends_on:\n      - service-0\n'}    networks: [front, back]
    restart: unless-stopped
    healthcheck:
      test: ["CMD", "true"]
      interval: 10s
    labels:
      com.example.index: "${index}"
`;
}
