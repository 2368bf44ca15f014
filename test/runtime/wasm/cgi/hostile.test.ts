import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, test } from 'vitest';

import { serviceName } from '../../../../src/model/ids.ts';
import type { CgiOptions, WasmService } from '../../../../src/model/project.ts';
import { WasmBench } from '../wasm-bench.ts';
import { cgiService, type CgiUp, exchange, request, upCgi } from './cgi-bench.ts';

let bench: WasmBench;
/** Its requests have a second; one at a time, one more waits, and no body has more than 10 bytes. */
let single: CgiUp;
/** Its requests have a second. */
let quick: CgiUp;
/** Of its threads no other guest is to get anything. */
let spinning: CgiUp;
/** Its requests have a minute. */
let patient: CgiUp;
/** The same, in a thread for several services. */
let sharing: CgiUp;

beforeAll(async () => {
  bench = new WasmBench();
  const up = async (name: string, cgi: CgiOptions = {}, more: Partial<WasmService> = {}): Promise<CgiUp> =>
    await upCgi(bench, cgiService(cgi, { name: serviceName(name), ...more }));
  [single, quick, spinning, patient, sharing] = await Promise.all([
    up('single', { concurrency: 1, queue: 1, timeoutMs: 1_000, bodyLimitBytes: 10 }),
    up('quick', { timeoutMs: 1_000 }),
    up('spinning', { timeoutMs: 2_000 }),
    up('patient'),
    up('sharing', {}, { isolation: 'shared' }),
  ]);
});

afterAll(async () => await bench[Symbol.asyncDispose]());

const textOf = async (url: string): Promise<string> => await (await fetch(url)).text();

/** The service has the request when this ends: its bytes were there before those of one that is answered. */
async function begin(up: CgiUp, path: string): Promise<{ readonly answer: Promise<string> }> {
  const socket = connect({ port: up.port, host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.write(request(`GET ${path}`));
  // A connection that is cut has no more to say.
  const answer = text(socket).catch(() => 'cut');
  await exchange(up.port, request('GET /x'));
  return { answer };
}

test('guests that compute keep nobody out', async ({ expect }) => {
  const clients = new AbortController();
  const { signal } = clients;
  const spin = async (): Promise<unknown> => await fetch(`${patient.url}/spin`, { signal }).catch(() => 'gone');
  const first = spin();
  expect(await textOf(`${patient.url}/one`)).toBe('Hello from CGI: /one\n');
  // What streams goes to another thread, too, as long as its guest has not begun.
  const body = 'x'.repeat(200_000);
  expect(await (await fetch(`${patient.url}/echo`, { method: 'POST', body })).text()).toBe(body);
  const second = spin();
  const good = Array.from({ length: 8 }, async (_, i) => await textOf(`${patient.url}/${i}`));
  expect(await Promise.all(good)).toEqual(Array.from({ length: 8 }, (_, i) => `Hello from CGI: /${i}\n`));
  clients.abort();
  expect(await Promise.all([first, second])).toEqual(['gone', 'gone']);
  expect(await textOf(`${patient.url}/after`)).toBe('Hello from CGI: /after\n');
});

describe('a guest that', () => {
  test('computes for ever gets its client an error', async ({ expect }) => {
    expect((await fetch(`${spinning.url}/spin`)).status).toBe(504);
  });

  test.for([
    ['waits for ever', '/sleep', 504],
    ['writes a header without end', '/headers', 502],
    ['writes nothing', '/exit?0', 502],
    ['writes what would be a second field', '/inject', 502],
  ] as const)('%s gets its client an error, and others their answers', async ([, path, status], { expect }) => {
    const bad = fetch(`${quick.url}${path}`);
    expect(await textOf(`${quick.url}/good`)).toBe('Hello from CGI: /good\n');
    expect((await bad).status).toBe(status);
  });

  test('computes after it has begun to answer has its connection cut', async ({ expect }) => {
    expect(await exchange(spinning.port, request('GET /begin-and-spin'))).not.toMatch(/\r\n0\r\n/);
    await spinning.logs.until('GET /begin-and-spin: no answer in time');
  });

  test('computes beside others of its thread holds only its own requests', async ({ expect }) => {
    const leaving = new AbortController();
    const spin = fetch(`${sharing.url}/spin`, { signal: leaving.signal }).catch(() => 'gone');
    expect(await textOf(`${sharing.url}/x`)).toBe('Hello from CGI: /x\n');
    leaving.abort();
    expect(await spin).toBe('gone');
  });
});

// One after the other: there is one place.
describe('a service with one place', () => {
  test('holds what writes a gibibyte to what its client takes, and ends it with its client', async ({ expect }) => {
    const socket = connect({ port: single.port, host: '127.0.0.1' });
    socket.write(request('GET /flood?1024'));
    await once(socket, 'readable');
    socket.destroy();
    // The only place is free again.
    expect(await textOf(`${single.url}/after`)).toBe('Hello from CGI: /after\n');
  });

  test('ends what waits when its client goes', async ({ expect }) => {
    const socket = connect({ port: single.port, host: '127.0.0.1' });
    socket.end(request('GET /sleep'));
    const waiting = textOf(`${single.url}/after`);
    socket.destroy();
    expect(await waiting).toBe('Hello from CGI: /after\n');
  });

  test('lets requests wait for their turn, and tells those beyond that to come again', async ({ expect }) => {
    const answers = await Promise.all(Array.from({ length: 4 }, async () => await fetch(`${single.url}/sleep`)));
    expect(answers.map((answer) => answer.status)).toContain(504);
    const later = answers.filter((answer) => answer.status === 503);
    expect(later.length).toBeGreaterThanOrEqual(2);
    expect(later[0]?.headers.get('Retry-After')).toBe('1');
  });

  test('refuses a body that is too long', async ({ expect }) => {
    const post = async (body: string): Promise<number> =>
      (await fetch(`${single.url}/echo`, { method: 'POST', body })).status;
    expect([await post('0123456789'), await post('0123456789a')]).toEqual([200, 413]);
    const chunked = request('POST /echo', ['Transfer-Encoding: chunked'], 'b\r\n0123456789a\r\n0\r\n\r\n');
    expect(await exchange(single.port, chunked)).toMatch(/^HTTP\/1.1 413 /);
  });
});

test('many requests at once are all answered', async ({ expect }) => {
  const post = async (i: number): Promise<string> =>
    await (await fetch(`${sharing.url}/nap?5`, { body: `${i}`, method: 'POST' })).text();
  const texts = await Promise.all(Array.from({ length: 64 }, async (_, i) => await post(i)));
  expect(new Set(texts)).toEqual(new Set(['awake\n']));
});

test('nothing of a request is in the memory of the next one', async ({ expect }) => {
  // Files and variables of the guest as its memory has them: the second one would find those of the first.
  for (let i = 0; i < 20; i++) expect(await textOf(`${sharing.url}/residue`)).toBe('clean\n');
});

test('what the guests of a service use is counted as its own', async ({ expect }) => {
  const leaving = new AbortController();
  const waiting = fetch(`${sharing.url}/sleep`, { signal: leaving.signal }).catch(() => 'gone');
  const usage = async (): Promise<readonly [number, number]> => {
    const { memoryBytes = 0, descriptors = 0 } = (await bench.runtime.usage(sharing.id, bench.signal)) ?? {};
    return [memoryBytes, descriptors];
  };
  // stdin, stdout, stderr and the directory of its files; the figures are those of the last look.
  while ((await usage())[1] !== 4) await delay(10);
  expect((await usage())[0]).toBeGreaterThan(0);
  leaving.abort();
  expect(await waiting).toBe('gone');
  while ((await usage())[0] !== 0) await delay(10);
});

// Each of them ends its service.
describe('the service', () => {
  test('finishes what was begun when it is stopped', async ({ expect }) => {
    const { answer } = await begin(sharing, '/nap?300');
    expect(await bench.runtime.stop(sharing.id, 60_000, bench.signal)).toEqual({ how: 'code', code: 0 });
    expect(await answer).toContain('awake\n');
  });

  test('is ended with what it does at the end of its grace', async ({ expect }) => {
    const { answer } = await begin(patient, '/spin');
    expect(await bench.runtime.stop(patient.id, 200, bench.signal)).toEqual({ how: 'killed' });
    expect(await answer).not.toContain('200');
  });
});

test('without a port it is at port 80 for others, and has a healthcheck as any other', async ({ expect }) => {
  const probe = { type: 'http', port: 80, path: '/' } as const;
  const up = await bench.up(cgiService({}, { ports: [], healthcheck: { probe, intervalMs: 100 } }));
  await bench.untilFabric('add web#1 80');
  expect(bench.fabric.calls).toContain('attach web#1');
  expect((await bench.until(up.id, 'health')).health).toBe('healthy');
});
