import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, test } from 'vitest';

import { type Exchange, HttpFront } from '../../../../src/runtime/wasm/http/front.ts';
import { Network } from '../../../../src/runtime/wasm/net/network.ts';
import { Waiters } from '../../../../src/runtime/wasm/wasi/waiters.ts';

const never = new AbortController().signal;

/** Port 80 of an instance whose answers are made by the test. */
class FrontBench implements AsyncDisposable {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'wc-front-'));
  readonly front: HttpFront;
  readonly network: Network;
  readonly #sockets: Socket[] = [];
  published = 0;

  constructor(onRequest: (exchange: Exchange) => void) {
    this.front = new HttpFront(onRequest);
    this.network = new Network({
      socketDir: this.dir,
      address: '10.90.0.2',
      waiters: new Waiters(),
      uplink: {
        authorize: async () => ({ to: 'refused', errno: 'EACCES', reason: '' }),
        authorizeDatagram: async () => ({ to: 'refused', errno: 'EACCES', reason: '' }),
        datagrams: () => undefined,
        resolve: async () => [],
        listening: () => undefined,
        log: () => undefined,
      },
      onOwed: () => undefined,
    });
  }

  async open(): Promise<this> {
    ({ published: this.published } = await this.network.publish({
      protocol: 'tcp',
      hostIp: '127.0.0.1',
      published: 0,
      target: 80,
    }));
    await this.front.listen(this.network, 80);
    return this;
  }

  dial(how: 'published' | 'fabric'): Socket {
    const socket =
      how === 'published'
        ? connect({ host: '127.0.0.1', port: this.published })
        : connect({ path: this.network.socketPath(80, false) });
    if (how === 'fabric') socket.write('10.90.0.7 4711\n');
    socket.on('error', () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.network.stopListening();
    this.front.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Says what it was asked. */
async function echo({ request, response, peer, port, expectsContinue }: Exchange): Promise<void> {
  if (expectsContinue) response.writeContinue();
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const from = peer.address.startsWith('10.') ? `${peer.address}:${peer.port}` : peer.address;
  response.end(`${request.method} ${request.url} ${body} from ${from} to ${port}`);
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

/** The bodies in a text of responses. */
function bodiesOf(text: string): readonly string[] {
  return text.split(/HTTP\/1\.1 [^]*?\r\n\r\n/).slice(1);
}

describe('requests come by every door', () => {
  test.for([
    ['published', '127.0.0.1'],
    ['fabric', '10.90.0.7:4711'],
  ] as const)('%s', async ([how, from], { expect }) => {
    await using bench = await new FrontBench((exchange) => void echo(exchange)).open();
    const socket = bench.dial(how);
    socket.write('POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel');
    socket.write('loGET /next HTTP/1.1\r\nHost: x\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(bodiesOf(await textOf(socket))).toEqual([
      `POST /a?b hello from ${from} to 80`,
      `GET /next  from ${from} to 80`,
      `GET /last  from ${from} to 80`,
    ]);
  });

  test('with the peer line and the request in one piece', async ({ expect }) => {
    await using bench = await new FrontBench((exchange) => void echo(exchange)).open();
    const socket = connect({ path: bench.network.socketPath(80, false) });
    socket.write('10.90.0.7 1\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(bodiesOf(await textOf(socket))).toEqual(['GET /  from 10.90.0.7:1 to 80']);
  });

  test('a body that waits to be wanted', async ({ expect }) => {
    await using bench = await new FrontBench((exchange) => void echo(exchange)).open();
    const socket = bench.dial('published');
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n');
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('ok');
    expect(await textOf(socket)).toContain('PUT / ok');
  });
});

test.for([
  ['no request at all', 'nonsense\r\n\r\n', '400'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400'],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    '400',
  ],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', '400'],
  ['an endless header', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, '431'],
] as const)('%s: never reaches the guest', async ([, text, status], { expect }) => {
  let asked = 0;
  await using bench = await new FrontBench(() => void asked++).open();
  const socket = bench.dial('published');
  socket.write(text);
  expect((await textOf(socket)).slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
  expect(asked).toBe(0);
});

describe('draining', () => {
  test('ends what is idle, finishes what was begun, and says that it is the last', async ({ expect }) => {
    const exchanges: Exchange[] = [];
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    await using bench = await new FrontBench((exchange) => {
      exchanges.push(exchange);
      resolve();
    }).open();
    const idle = bench.dial('published');
    const busy = bench.dial('fabric');
    busy.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked;
    bench.network.stopListening();
    const drained = bench.front.drain(never);
    expect(await textOf(idle)).toBe('');
    expect(bench.front.active).toBe(1);
    exchanges[0]?.response.end('done');
    expect(await textOf(busy)).toContain('done');
    await drained;
    expect(bench.front.active).toBe(0);
  });

  test('a request of which a part has come is still answered', async ({ expect }) => {
    await using bench = await new FrontBench((exchange) => void echo(exchange)).open();
    const socket = bench.dial('published');
    socket.write('GET /one HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    const before = bench.dial('published');
    socket.write('GET /two HTTP/1.1\r\n');
    // An answer to a later client: what came before has been read by then.
    before.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await textOf(before);
    const drained = bench.front.drain(never);
    socket.write('Host: x\r\n\r\n');
    const text = await textOf(socket);
    expect(text).toContain('GET /two');
    expect(text).toContain('Connection: close');
    await drained;
  });

  test('gives up when it is told to', async ({ expect }) => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    await using bench = await new FrontBench(() => resolve()).open();
    const socket = bench.dial('published');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked;
    await bench.front.drain(AbortSignal.abort());
    expect(bench.front.active).toBe(1);
  });
});
