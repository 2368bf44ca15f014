import { Worker } from 'node:worker_threads';

import { describe, test } from 'vitest';

import { GuestRun, type GuestHooks } from '../../../src/runtime/wasm/guest-run.ts';
import type { GuestRequest } from '../../../src/runtime/wasm/messages.ts';
import { threadPlace } from '../../../src/runtime/wasm/worker-pool.ts';

const REQUEST: Omit<GuestRequest, 'output'> = {
  engine: 'native',
  module: new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)),
  role: undefined,
  keepsInstances: false,
  workingDir: undefined,
  importedMemory: undefined,
  threadLimit: undefined,
  args: [],
  env: [],
  stdinOpen: false,
  mounts: [],
  rootBytes: 0,
  descriptorLimit: undefined,
  socketDir: '/none',
  address: '',
  published: [],
  preopened: [],
  listenFd: undefined,
  connect: [],
  cgi: undefined,
  closesByShutdown: false,
};

/** A run in a thread that does what the code says instead of running a guest. */
function runIn(code: string, hooks: Partial<GuestHooks> = {}): GuestRun {
  const worker = new Worker(`const { parentPort } = require('node:worker_threads'); ${code}`, { eval: true });
  return new GuestRun(threadPlace(worker), REQUEST, {
    output: () => undefined,
    held: () => undefined,
    listening: () => undefined,
    datagrams: () => undefined,
    answer: async () => [],
    ...hooks,
  });
}

const START = "parentPort.once('message', ({ port }) => { port.postMessage({ type: 'started', published: [] });";

describe('a thread that dies', () => {
  test('by an error of its own: the instance is lost, and why is known', async ({ expect }) => {
    const run = runIn(`${START} throw new Error('out of luck'); });`);
    await run.started;
    expect(await run.ended).toEqual({ how: 'lost', reason: 'out of luck' });
  });

  test('without a word: the instance is lost', async ({ expect }) => {
    const run = runIn(`${START} process.exit(7); });`);
    await run.started;
    expect(await run.ended).toEqual({ how: 'lost', reason: 'its thread ended (7)' });
  });

  test('before the guest runs: the start has failed', async ({ expect }) => {
    const run = runIn('process.exit(7);');
    await expect(run.started).rejects.toThrow('its thread ended (7)');
    expect(await run.ended).toEqual({ how: 'lost', reason: 'its thread ended (7)' });
  });
});

describe('a thread that does not answer', () => {
  test('is ended when it has to stop', async ({ expect }) => {
    const run = runIn(`${START} setTimeout(() => { for (;;); }); });`);
    await run.started;
    run.stop(600_000);
    expect(await run.ended).toEqual({ how: 'killed' });
  });

  test('is ended after its grace when it said that it stops', async ({ expect }) => {
    const run = runIn(`${START} port.on('message', () => port.postMessage({ type: 'stopping' })); });`);
    await run.started;
    run.stop(20);
    expect(await run.ended).toEqual({ how: 'killed' });
  });
});

test('a question that cannot be answered is answered with a refusal', async ({ expect }) => {
  const ask =
    "port.postMessage({ type: 'ask', ask: 1, question: { what: 'authorize', address: '1.2.3.4', port: 5 } });";
  const reply =
    "port.on('message', (m) => port.postMessage({ type: 'failed', failure: { why: 'host', message: JSON.stringify(m) } }));";
  const run = runIn(`${START} ${reply} ${ask} });`, {
    answer: async () => Promise.reject(new Error('the fabric is gone')),
  });
  const ended = await run.ended;
  expect(ended.how === 'lost' ? JSON.parse(ended.reason) : ended).toEqual({
    type: 'answer',
    ask: 1,
    answer: { to: 'refused', errno: 'ENETUNREACH', reason: 'the fabric is gone' },
  });
});
