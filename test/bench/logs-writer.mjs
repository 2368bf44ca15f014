/* One measurement of test/bench/logs.mjs: `node logs-writer.mjs none|fast|slow LINES`; prints what it saw as JSON. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

const source = process.env.WCOMPOSE_SRC ?? new URL('../../', import.meta.url).pathname;
const load = async (path) => await import(join(source, 'src', path));

if (isMainThread) await main(process.argv[2], Number(process.argv[3]));
else await follow(workerData);

async function main(follower, lines) {
  const work = mkdtempSync(join(tmpdir(), 'wc-bench-'));
  const { createWasmRuntime } = await load('runtime/wasm/driver.ts');
  const { LogHub } = await load('logs/hub.ts');
  const { FakeFabric } = await import('../fake/fabric.ts');
  const { wasmService } = await import('../fake/wasm-service.ts');
  const runtime = createWasmRuntime({ fabric: new FakeFabric() });
  const never = new AbortController().signal;
  const hub = new LogHub({ dir: join(work, 'logs'), now: Date.now });
  const logs = hub.sink('writer#1');
  const service = wasmService('writer', 'tool', ['log-lines', String(lines)]);
  const about = { project: 'bench', index: 1, configHash: '', mounts: [], networks: [], workingDir: tmpdir() };
  try {
    await runtime.create({ ...about, id: 'writer#1', service, configFiles: [], logs }, never);
    const reading = follower === 'none' ? undefined : await attach(follower, hub, work, lines);
    const ended = untilExit(runtime.events('bench', never));
    const [from, cpu] = [performance.now(), process.threadCpuUsage()];
    await runtime.start('writer#1', never);
    await ended;
    logs.flush();
    const stored = performance.now() - from;
    if (hub.seq !== lines) throw new Error(`${hub.seq} of ${lines} lines came`);
    const used = process.threadCpuUsage(cpu);
    const seen = await reading?.();
    const mainUs = (used.user + used.system) / lines;
    process.stdout.write(`${JSON.stringify({ rate: lines / (stored / 1000), mainUs, seen })}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  process.exit(0);
}

async function untilExit(events) {
  for await (const event of events) if (event.type === 'exited') return;
}

/** A client of the control socket, in a thread of its own as the command line is a process of its own. */
async function attach(follower, hub, work, lines) {
  const { serveControl } = await load('control/server.ts');
  const socket = join(work, 'control.sock');
  const query = { services: [], after: 0, follow: true };
  const read = async ({ signal }) => (hub.readParts ?? hub.read).call(hub, query, signal);
  await serveControl(socket, { 'GET /v1/logs': read }, (error) => process.stderr.write(`${error}\n`));
  const worker = new Worker(import.meta.filename, { workerData: { socket, follower, lines } });
  const told = new Promise((resolve) => worker.on('message', resolve));
  await told;
  return async () => (follower === 'slow' ? 0 : await new Promise((resolve) => worker.once('message', resolve)));
}

async function follow({ socket, follower, lines }) {
  const { parentPort } = await import('node:worker_threads');
  request({ socketPath: socket, path: '/v1/logs' }, (response) => {
    parentPort.postMessage('attached');
    if (follower === 'slow') return;
    let seen = 0;
    let rest = Buffer.alloc(0);
    response.on('data', (chunk) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen++;
      // The number of the last line, also when it began in the chunk before.
      rest = Buffer.concat([rest, chunk]).subarray(-1024);
      if (rest.at(-1) === 10 && rest.lastIndexOf(`{"seq":${lines},`) >= 0) parentPort.postMessage(seen);
    });
  }).end();
}
