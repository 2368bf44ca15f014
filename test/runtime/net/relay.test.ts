import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { describe, test } from 'vitest';

import { encodeFrame, FRAME } from '../../../src/net/relay/frames.ts';
import { cpuTicks, drain, freePort, RelayProcess } from './relay-process.ts';

describe('requests', () => {
  const rows: readonly (readonly [string, number, string, string])[] = [
    ['a port of a strange address', FRAME.listen, '203.0.113.1 8080', 'EADDRNOTAVAIL'],
    ['port 0', FRAME.listen, '127.0.0.1 0', 'EINVAL'],
    ['port 65536', FRAME.listen, '127.0.0.1 65536', 'EINVAL'],
    ['text after the port', FRAME.listen, '127.0.0.1 8080 x', 'EINVAL'],
    ['no port', FRAME.listen, '127.0.0.1', 'EINVAL'],
    ['a name', FRAME.listen, 'localhost 8080', 'EINVAL'],
    ['what is too long to be remembered', FRAME.listen, `127.0.0.1${' '.repeat(100)}8080`, 'EINVAL'],
    ['to end what never began', FRAME.unlisten, '127.0.0.1 8080', 'ENOENT'],
    ['a type that does not exist', 77, '', 'ENOSYS'],
  ];
  for (const [what, type, text, answer] of rows) {
    test(`${what}: ${answer}`, async ({ expect }) => {
      await using relay = await RelayProcess.start();
      expect(await relay.request(type, text)).toBe(answer);
    });
  }

  test('the same port twice: EADDRINUSE, and the first goes on', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    expect(await relay.request(FRAME.listen, `127.0.0.1 ${port}`)).toBe('EADDRINUSE');
    await relay.serve(port, (socket) => socket.end());
    expect(await drain(await relay.connect(port))).toMatchObject({ error: undefined });
  });

  test('a frame in single bytes is a frame', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    for (const byte of encodeFrame(FRAME.unlisten, 9, Buffer.from('* 1'))) relay.send(Uint8Array.of(byte));
    expect(await relay.frame()).toMatchObject({ type: FRAME.error, id: 9 });
  });
});

describe('the end of the relay', () => {
  test('with the end of its stdin', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    relay.child.stdin?.end();
    expect(await once(relay.child, 'exit')).toEqual([0, null]);
  });

  const junk: readonly (readonly [string, Buffer, string])[] = [
    ['JSON', Buffer.from('{"stream":true,"stdin":true,"stdout":true}'), 'too long'],
    ['another magic', encodeFrame(FRAME.hello, 0, Buffer.from('WCRELAX\0\x02\0\0\0')), 'does not begin with HELLO'],
    ['another version', encodeFrame(FRAME.hello, 0, Buffer.from('WCRELAY\0\x03\0\0\0')), 'another version'],
    ['a request without HELLO', encodeFrame(FRAME.listen, 1, Buffer.from('* 80')), 'does not begin with HELLO'],
  ];
  for (const [what, bytes, message] of junk) {
    test(`when stdin begins with ${what}`, async ({ expect }) => {
      await using relay = await RelayProcess.bare();
      relay.send(bytes);
      expect(await once(relay.child, 'close')).toEqual([2, null]);
      expect(relay.stderr).toContain(message);
    });
  }
});

describe('connections', () => {
  test('are refused by the kernel before LISTEN and after UNLISTEN; those that are open stay', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await freePort();
    await expect(relay.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await relay.listen(port);
    await relay.serve(port, (socket) => socket.pipe(socket));
    const client = await relay.connect(port);
    expect(await relay.unlisten(port)).toBe('OK');
    await expect(relay.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    client.end('still here');
    expect(String((await drain(client)).bytes)).toContain('still here');
    await relay.listen(port);
    await relay.connect(port);
  });

  test('begin with a line that names the peer', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    await relay.serve(port, (socket) => socket.pipe(socket));
    const client = await relay.connect(port);
    const { localPort } = client;
    client.end('hi');
    expect(String((await drain(client)).bytes)).toBe(`127.0.0.1 ${localPort}\nhi`);
  });

  test('a half-close of the client leaves the other way open, and so does one of the service', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    const ended: Promise<{ readonly bytes: Buffer }>[] = [];
    await relay.serve(port, (socket) => {
      ended.push(drain(socket));
      socket.once('end', () => socket.end('after your end'));
    });
    const first = await relay.connect(port);
    first.end('request');
    expect(String((await drain(first)).bytes)).toBe('after your end');
    expect(String((await ended[0])?.bytes)).toContain('request');

    const other = await relay.listen();
    await relay.serve(other, (socket) => {
      ended.push(drain(socket));
      socket.end('all I have');
    });
    const second = await relay.connect(other);
    expect(String((await drain(second)).bytes)).toBe('all I have');
    second.end('after your end');
    expect(String((await ended[1])?.bytes)).toContain('after your end');
  });

  test('twenty megabytes go both ways at once over many connections without a wrong byte', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    const data = randomBytes(2_000_000);
    await relay.serve(port, (socket) => {
      skipLine(socket, () => socket.pipe(socket));
    });
    const clients = await Promise.all(Array.from({ length: 10 }, async () => await relay.connect(port)));
    const echoes = await Promise.all(
      clients.map(async (client) => {
        client.end(data);
        return await drain(client);
      }),
    );
    for (const { bytes } of echoes) expect(bytes.equals(data)).toBe(true);
  });

  test('a reader that stops holds the writer back, at no cost', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    const arrived = Promise.withResolvers<Socket>();
    await relay.serve(port, (socket) => arrived.resolve(socket.pause()));
    const client = await relay.connect(port);
    const total = 64 * 1024 * 1024;
    client.end(Buffer.alloc(total));
    const service = await arrived.promise;
    const before = cpuTicks(relay.child);
    for (let n = 0; n < 2_000; n++) await relay.unlisten(1);
    expect(cpuTicks(relay.child) - before).toBeLessThan(50);
    expect(client.writableFinished).toBe(false);
    let received = 0;
    service.on('data', (chunk: Buffer) => void (received += chunk.length));
    service.resume();
    await once(service, 'end');
    expect(received).toBeGreaterThan(total);
  });

  test('with nobody behind the port the client is reset', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    const client = connect({ host: '127.0.0.1', port });
    expect((await drain(client)).error).toBe('ECONNRESET');
  });

  test('a service that closes with unread input resets the client', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    await relay.serve(port, (socket) => {
      socket.pause();
      setImmediate(() => socket.destroy());
    });
    const client = await relay.connect(port);
    client.write(Buffer.alloc(1_000_000));
    expect((await drain(client)).error).toBe('ECONNRESET');
  });

  test('a reset of the client ends the input of the service', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    const arrived = Promise.withResolvers<Socket>();
    await relay.serve(port, (socket) => arrived.resolve(socket));
    const client = await relay.connect(port);
    const service = await arrived.promise;
    const { localPort } = client;
    client.resetAndDestroy();
    expect((await drain(service)).bytes.toString()).toBe(`127.0.0.1 ${localPort}\n`);
  });

  test('a service that ends after its answer does not cut the answer for a slow client', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    const data = randomBytes(8_000_000);
    await relay.serve(port, (socket) => {
      socket.resume();
      socket.end(data);
      socket.once('finish', () => socket.destroySoon());
    });
    const client = await relay.connect(port);
    client.pause();
    await once(client, 'readable');
    client.end();
    expect((await drain(client)).bytes.equals(data)).toBe(true);
  });

  test('with few descriptors left connections wait and none is lost', async ({ expect }) => {
    // Room for seven.
    await using relay = await RelayProcess.start({ files: 256 + 6 * 7 });
    const port = await relay.listen();
    await relay.serve(port, (socket) => {
      skipLine(socket, () => socket.pipe(socket));
    });
    const data = randomBytes(300_000);
    const answers = Array.from({ length: 40 }, async () => {
      const client = await relay.connect(port);
      client.end(data);
      return await drain(client);
    });
    for (const { bytes } of await Promise.all(answers)) expect(bytes.equals(data)).toBe(true);
  });

  test('a connection that is closed on one side only costs no time', async ({ expect }) => {
    await using relay = await RelayProcess.start();
    const port = await relay.listen();
    await relay.serve(port, (socket) => socket.resume());
    const clients = await Promise.all([relay.connect(port), relay.connect(port), relay.connect(port)]);
    for (const client of clients) client.end('x');
    // Requests go through the same loop: a spinning one would burn a tick at each of them.
    const before = cpuTicks(relay.child);
    for (let n = 0; n < 2_000; n++) await relay.unlisten(1);
    expect(cpuTicks(relay.child) - before).toBeLessThan(50);
  });
});

/** Calls when the line that names the peer has been read off. */
function skipLine(socket: Socket, then: () => void): void {
  const onReadable = (): void => {
    let byte: Buffer | null;
    while ((byte = socket.read(1) as Buffer | null) !== null) {
      if (byte.toString() !== '\n') continue;
      socket.off('readable', onReadable);
      then();
      return;
    }
  };
  socket.on('readable', onReadable);
}
