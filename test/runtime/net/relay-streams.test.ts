import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { describe, test } from 'vitest';

import { encodeFrame, FRAME, MAX_DATA, WINDOW } from '../../../src/net/relay/frames.ts';
import { cpuTicks, drain, freePort, RelayProcess } from './relay-process.ts';
import { StreamRelay } from './stream-relay.ts';

const signal = AbortSignal.timeout(50_000);

describe('frames of a stream', () => {
  test('OPEN names port and peer; DATA and FIN go both ways; after both FINs the stream is gone', async ({
    expect,
  }) => {
    await using relay = await RelayProcess.start({ streams: true });
    const port = await relay.listen();
    const client = await relay.connect(port);
    const open = await relay.frame();
    expect([open.type, open.id % 2, open.payload.toString()]).toEqual([
      FRAME.open,
      1,
      `${port} 127.0.0.1 ${client.localPort}`,
    ]);
    client.end('request');
    expect((await relay.frame()).payload.toString()).toBe('request');
    expect(await relay.frame()).toMatchObject({ type: FRAME.fin, id: open.id });
    relay.send(encodeFrame(FRAME.data, open.id, Buffer.from('answer')));
    relay.send(encodeFrame(FRAME.fin, open.id, Buffer.alloc(0)));
    expect(String((await drain(client)).bytes)).toBe('answer');
    // What crosses the end on its way means nothing.
    relay.send(encodeFrame(FRAME.data, open.id, Buffer.from('late')));
    relay.send(encodeFrame(FRAME.reset, open.id, Buffer.alloc(0)));
    expect(await relay.unlisten(port)).toBe('OK');
  });

  test('no more than the window comes without CREDIT, and waiting costs nothing', async ({ expect }) => {
    await using relay = await RelayProcess.start({ streams: true });
    const port = await relay.listen();
    const client = await relay.connect(port);
    const { id } = await relay.frameOf(FRAME.open);
    client.write(Buffer.alloc(16 * 1024 * 1024));
    const readUntil = async (total: number): Promise<void> => {
      for (let read = 0; read < total;) read += (await relay.frameOf(FRAME.data)).payload.length;
    };
    await readUntil(WINDOW);
    // Anything more would come before the answers.
    const before = cpuTicks(relay.child);
    for (let n = 0; n < 2_000; n++) await relay.unlisten(1);
    expect(cpuTicks(relay.child) - before).toBeLessThan(50);
    const credit = Buffer.alloc(4);
    credit.writeUInt32LE(1000);
    relay.send(encodeFrame(FRAME.credit, id, credit));
    await readUntil(1000);
    expect(await relay.unlisten(1)).toBe('ENOENT');
  });

  test('CREDIT comes as the peer takes what was sent; one that sends beyond it loses the stream', async ({
    expect,
  }) => {
    await using relay = await RelayProcess.start({ streams: true });
    const port = await relay.listen();
    const client = await relay.connect(port);
    client.pause();
    const { id } = await relay.frameOf(FRAME.open);
    let passedOn = 0;
    let sent = 0;
    const piece = encodeFrame(FRAME.data, id, Buffer.alloc(MAX_DATA));
    // The kernel's own buffers take some, then no credit comes back and the answers do.
    for (;;) {
      while (sent - passedOn + MAX_DATA <= WINDOW) {
        relay.send(piece);
        sent += MAX_DATA;
      }
      relay.send(encodeFrame(FRAME.unlisten, 1, Buffer.from('* 1')));
      const frame = await relay.frame();
      if (frame.type !== FRAME.credit) break;
      passedOn += frame.payload.readUInt32LE(0);
      await relay.frameOf(FRAME.error);
    }
    for (let n = 0; n < 64; n++) relay.send(piece);
    expect((await relay.frameOf(FRAME.reset)).payload.toString()).toBe('EPROTO');
    client.resume();
    expect((await drain(client)).error).toBe('ECONNRESET');
  });

  const bad: readonly (readonly [string, number, string, string])[] = [
    ['a name', 2, 'localhost 80', 'EINVAL'],
    ['port 0', 2, '127.0.0.1 0', 'EINVAL'],
    ['an id that is the relay’s to give', 3, '127.0.0.1 80', 'EINVAL'],
    ['what is too long', 2, `${'1'.repeat(80)} 80`, 'EINVAL'],
    ['no network', 2, '255.255.255.255 80', 'ENETUNREACH'],
  ];
  for (const [what, id, text, errno] of bad) {
    test(`a DIAL of ${what} is reset: ${errno}`, async ({ expect }) => {
      await using relay = await RelayProcess.start({ streams: true });
      relay.send(encodeFrame(FRAME.dial, id, Buffer.from(text)));
      const reset = await relay.frameOf(FRAME.reset);
      expect([reset.id, reset.payload.toString()]).toEqual([id, errno]);
    });
  }
});

describe('from a container to the worker', () => {
  test('ten megabytes both ways at once, a half-close, and the name of the peer', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    const port = await relay.listen();
    const [up, down] = [randomBytes(10_000_000), randomBytes(10_000_000)];
    const service = relay.accepted();
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const received = drain(client);
    client.end(up);
    const { stream, peer } = await service;
    expect(peer).toBe(`127.0.0.1 ${client.localPort}`);
    stream.write(down.subarray(0, 5_000_000));
    const hash = await sha256Of(stream);
    // The client has closed its side; it still gets the rest.
    stream.end(down.subarray(5_000_000));
    expect(hash).toBe(sha256(up));
    expect(sha256((await received).bytes)).toBe(sha256(down));
  });

  test('two hundred at once, each with its own bytes', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    relay.onOpen = (_port, _peer, stream) => void stream.pipe(stream);
    const port = await relay.listen();
    const answers = Array.from({ length: 200 }, async () => {
      const data = randomBytes(100_000);
      const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      client.end(data);
      return (await drain(client)).bytes.equals(data);
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  });

  test('a reader that stops is bounded and holds up nobody else', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    const port = await relay.listen();
    const first = relay.accepted();
    const slow = connect({ host: '127.0.0.1', port });
    const total = 64 * 1024 * 1024;
    slow.end(Buffer.alloc(total));
    const stopped = (await first).stream;
    // Another one gets all of its own through meanwhile, again and again.
    relay.onOpen = (_port, _peer, stream) => void stream.pipe(stream);
    const data = randomBytes(3_000_000);
    for (let round = 0; round < 5; round++) {
      const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      client.end(data);
      expect((await drain(client)).bytes.equals(data)).toBe(true);
    }
    expect(stopped.readableLength).toBeLessThanOrEqual(WINDOW);
    expect(slow.writableFinished).toBe(false);
    expect(residentBytes(relay)).toBeLessThan(16 * 1024 * 1024);
    let received = 0;
    stopped.on('data', (chunk: Buffer) => void (received += chunk.length));
    await once(stopped, 'end');
    expect(received).toBe(total);
  });

  test('a client that stops reading is bounded in the relay and holds up nobody else', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    const port = await relay.listen();
    const first = relay.accepted();
    const slow = connect({ host: '127.0.0.1', port });
    slow.pause();
    const { stream } = await first;
    const total = 64 * 1024 * 1024;
    stream.end(Buffer.alloc(total));
    relay.onOpen = (_port, _peer, other) => void other.pipe(other);
    const data = randomBytes(3_000_000);
    for (let round = 0; round < 5; round++) {
      const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      client.end(data);
      expect((await drain(client)).bytes.equals(data)).toBe(true);
    }
    expect(residentBytes(relay)).toBeLessThan(16 * 1024 * 1024);
    let received = 0;
    slow.on('data', (chunk: Buffer) => void (received += chunk.length));
    slow.resume();
    await once(slow, 'end');
    expect(received).toBe(total);
  });

  test('a reset is one on the other side, both ways', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    const port = await relay.listen();
    const first = relay.accepted();
    const client = connect({ host: '127.0.0.1', port });
    const { stream } = await first;
    client.write('x');
    await once(stream, 'readable');
    client.resetAndDestroy();
    stream.resume();
    await closed(stream);
    expect(stream.readableEnded).toBe(false);

    const second = relay.accepted();
    const other = connect({ host: '127.0.0.1', port });
    (await second).stream.destroy();
    expect((await drain(other)).error).toBe('ECONNRESET');
  });

  test('a client that is gone while the service still writes ends the stream', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    const port = await relay.listen();
    const first = relay.accepted();
    const client = connect({ host: '127.0.0.1', port });
    const { stream } = await first;
    client.end();
    client.destroySoon();
    stream.resume();
    await once(stream, 'end');
    const gone = closed(stream);
    while (!stream.destroyed) {
      stream.write(Buffer.alloc(10_000));
      await Promise.race([gone, new Promise(setImmediate)]);
    }
    expect(stream.writableFinished).toBe(false);
  });

  test('with few descriptors left connections wait and none is lost', async ({ expect }) => {
    await using relay = await StreamRelay.start(256 + 7);
    relay.onOpen = (_port, _peer, stream) => void stream.pipe(stream);
    const port = await relay.listen();
    const data = randomBytes(300_000);
    const answers = Array.from({ length: 40 }, async () => {
      const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      client.end(data);
      return (await drain(client)).bytes.equals(data);
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  });

  test('connections that one side closed, or that hang, cost no time', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    const port = await relay.listen();
    const streams: Duplex[] = [];
    relay.onOpen = (_port, _peer, stream) => void streams.push(stream);
    const clients: Socket[] = [];
    for (let n = 0; n < 5; n++) {
      const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      clients.push(client);
      // More than the window, so that the relay has something left to read.
      client.end(Buffer.alloc(5_000_000));
    }
    while (streams.length < 5) await new Promise(setImmediate);
    streams[0]?.end();
    clients[1]?.resetAndDestroy();
    streams[2]?.resume();
    const before = cpuTicks(relay.child);
    for (let n = 0; n < 2_000; n++) await relay.channel.listen(1_000_000, signal).catch(() => {});
    expect(cpuTicks(relay.child) - before).toBeLessThan(50);
    for (const client of clients) client.destroy();
  });

  test('a host that does not read for a while loses nothing', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    relay.onOpen = (_port, _peer, stream) => void stream.pipe(stream);
    const port = await relay.listen();
    relay.child.stdout?.pause();
    const data = randomBytes(1_000_000);
    const answers = Array.from({ length: 20 }, async () => {
      const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      client.end(data);
      await once(client, 'connect');
      return { result: drain(client) };
    });
    const drained = await Promise.all(answers);
    relay.child.stdout?.resume();
    for (const { result } of drained) expect((await result).bytes.equals(data)).toBe(true);
  });
});

describe('from the worker to a container', () => {
  test('ten megabytes both ways at once', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    await using server = await echoServer();
    const stream = await relay.channel.streams.dial('127.0.0.1', server.port, signal);
    const data = randomBytes(10_000_000);
    const hash = sha256Of(stream);
    stream.end(data);
    expect(await hash).toBe(sha256(data));
  });

  test('two hundred at once', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    await using server = await echoServer();
    const answers = Array.from({ length: 200 }, async () => {
      const stream = await relay.channel.streams.dial('127.0.0.1', server.port, signal);
      const data = randomBytes(100_000);
      const hash = sha256Of(stream);
      stream.end(data);
      return (await hash) === sha256(data);
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  });

  test('where nobody listens it is refused, with the errno', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    const dial = relay.channel.streams.dial('127.0.0.1', await freePort(), signal);
    await expect(dial).rejects.toMatchObject({ name: 'RelayRefusedError', errno: 'ECONNREFUSED' });
  });

  test('given up before it is answered it is closed', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    await using server = await echoServer();
    const abort = new AbortController();
    const dial = relay.channel.streams.dial('127.0.0.1', server.port, abort.signal);
    abort.abort(new Error('enough'));
    await expect(dial).rejects.toThrow('enough');
    const other = await relay.channel.streams.dial('127.0.0.1', server.port, signal);
    expect(other.destroyed).toBe(false);
    await server.untilOpen(1);
  });

  test('the end of the relay ends its connections and fails its dials', async ({ expect }) => {
    await using relay = await StreamRelay.start();
    await using server = await echoServer();
    const stream = await relay.channel.streams.dial('127.0.0.1', server.port, signal);
    const gone = closed(stream);
    relay.child.kill('SIGKILL');
    await gone;
    await relay.channel.ended;
    await expect(relay.channel.streams.dial('127.0.0.1', server.port, signal)).rejects.toMatchObject({
      name: 'RelayLostError',
    });
  });
});

async function echoServer(): Promise<
  AsyncDisposable & { readonly port: number; readonly untilOpen: (count: number) => Promise<void> }
> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => void sockets.delete(socket));
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    untilOpen: async (count) => {
      while (sockets.size !== count) await new Promise(setImmediate);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Also of one that was reset. */
async function closed(stream: Duplex): Promise<void> {
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function sha256Of(stream: Duplex): Promise<string> {
  const hash = createHash('sha256');
  stream.on('data', (chunk: Buffer) => void hash.update(chunk));
  await once(stream, 'end');
  return hash.digest('hex');
}

function residentBytes({ child }: StreamRelay): number {
  const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
