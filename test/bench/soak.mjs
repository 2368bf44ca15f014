/*
 * Keeps a Wasm server busy and looks whether anything grows: SECONDS of rounds of 500 connections one after the other,
 * 500 at once and a mixed load of both with large bodies that come back; every byte is compared. Prints the supervisor's
 * memory and descriptors after each round. Ends with status 1 when a byte was wrong, or when after the first third (which
 * fills caches) memory grew by more than a quarter or descriptors by more than ten.
 *
 *   node test/bench/soak.mjs http-poll.wasm threads.wasm [seconds]
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { supervisorOf, useOf } from './supervisor-of.mjs';

const [web, echo, seconds = '300'] = process.argv.slice(2);
const PROJECT = 'wc-soak';
const AT_ONCE = 500;
const IN_TURN = 500;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const work = mkdtempSync(join(tmpdir(), 'wc-soak-'));
let wrong = 0;
let connections = 0;
try {
  copyFileSync(web, join(work, 'web.wasm'));
  copyFileSync(echo, join(work, 'echo.wasm'));
  writeFileSync(
    join(work, 'compose.yaml'),
    `services:
  web: {x-wasm: {module: ./web.wasm}, command: ["8080"], ports: ["127.0.0.1::8080"]}
  echo: {x-wasm: {module: ./echo.wasm}, command: [answer], ports: ["127.0.0.1::8080"]}
`,
  );
  wcompose('up', '-d');
  await soak();
} finally {
  wcompose('down');
  rmSync(work, { recursive: true });
}

async function soak() {
  const webPort = portOf('web');
  const echoPort = portOf('echo');
  const pid = supervisorOf(PROJECT);
  const from = performance.now();
  const until = from + Number(seconds) * 1000;
  let first;
  let last;
  for (let round = 1; performance.now() < until || round < 3; round++) {
    for (let i = 0; i < IN_TURN; i++) await ask(webPort);
    await Promise.all(Array.from({ length: AT_ONCE }, () => ask(webPort)));
    await Promise.all([
      ...Array.from({ length: 8 }, () => sendBack(echoPort)),
      ...Array.from({ length: 50 }, () => ask(webPort)),
    ]);
    // What was closed is gone a moment later.
    await delay(500);
    last = useOf(pid);
    if (performance.now() < from + Number(seconds) * 333) first = last;
    first ??= last;
    process.stdout.write(`round ${round}: ${connections} connections, ${wrong} wrong, ${JSON.stringify(last)}\n`);
  }
  const grew = last.rssMb > first.rssMb * 1.25 || last.descriptors > first.descriptors + 10;
  process.stdout.write(grew ? 'something grew\n' : 'nothing grew\n');
  if (grew || wrong > 0) process.exitCode = 1;
}

/** A request on a connection of its own. */
async function ask(port) {
  const answer = await exchange(port, Buffer.from(REQUEST), (got) => got.includes('Hello, World!'));
  if (!answer.toString().endsWith('\r\n\r\nHello, World!')) wrong++;
}

/** As many random bytes as several buffers hold, there and back. */
async function sendBack(port) {
  const sent = randomBytes(300_000);
  const got = await exchange(port, sent, (all) => all.length >= sent.length);
  if (!got.equals(sent)) wrong++;
}

async function exchange(port, bytes, isWhole) {
  connections++;
  const socket = connect(port, '127.0.0.1');
  const pieces = [];
  socket.on('data', (piece) => {
    pieces.push(piece);
    if (isWhole(Buffer.concat(pieces))) socket.end();
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(pieces);
}

function portOf(service) {
  return Number(wcompose('port', service, '8080').trim().split(':').at(-1));
}

function wcompose(...args) {
  const cli = join(import.meta.dirname, '../../bin/wcompose.js');
  const command = [cli, '-p', PROJECT, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: work, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return stdout;
}
