/* Servers that take turns under the same load, for the benches of HTTP. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { cpuSeconds, isShort, print, ratio, rounds, spread } from './measure.mjs';

const connections = (process.argv[2] ?? '1,8,64').split(',').map(Number);
const turns = Number(process.argv[3] ?? rounds(8));
const seconds = isShort ? 1 : 2;

const servers = new Map();

/** The program prints the port that it serves. The first server is what the others are compared with. */
export async function start(name, program, args, env = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const { promise, resolve, reject } = Promise.withResolvers();
  child.once('error', reject);
  child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  child.stdout.once('data', (line) => resolve(Number(/\d+/.exec(String(line))?.[0])));
  servers.set(name, { children: [child], port: await promise });
}

/** Processes that serve a port together and do so already. */
export function add(name, children, port) {
  servers.set(name, { children, port });
}

/** All servers with each number of connections that the command line says; prints what they did. */
export function compare() {
  for (const count of connections) measure(count);
}

export function endAll() {
  for (const { children } of servers.values()) {
    for (const pid of processesOf(children)) process.kill(pid, 'SIGKILL');
  }
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
  const [reference] = seen.values();
  const [first] = seen.keys();
  print(`${count} connections`, 'requests/s', `of ${first}`, 'cpu us/request', `of ${first}`);
  for (const [name, { rate, cpu }] of seen) {
    const shares = [ratio(rate, reference.rate), ratio(cpu, reference.cpu)].map((share) => share.toFixed(2));
    print(`  ${name}`, spread(rate), shares[0], spread(cpu, 1), shares[1]);
  }
}

function load({ children, port }, count) {
  const cpu = () => processesOf(children).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const from = cpu();
  const args = ['-t1', `-c${count}`, `-d${seconds}s`, `http://127.0.0.1:${port}/`];
  const told = execFileSync('wrk', args, { encoding: 'utf8' });
  const requests = Number(/(\d+) requests in/.exec(told)?.[1]);
  // A slow server may let wrk wait too long; it may not refuse it.
  if (!(requests > 0) || /(connect|read|write) [1-9]|Non-2xx/.test(told)) throw new Error(`wrk found errors: ${told}`);
  return { rate: requests / seconds, cpu: ((cpu() - from) * 1e6) / requests };
}

/** The processes and those that they have started; what those start in turn counts when it has ended. */
function processesOf(children) {
  return children.flatMap(({ pid }) => {
    const started = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return [...started.split(' ').filter(Boolean).map(Number), pid];
  });
}
