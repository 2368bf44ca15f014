import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'vitest';
import { bareSocket, writeAtOnce } from '../../../../src/runtime/wasm/net/bare-socket.ts';
import { GuestBuffers } from '../../../../src/runtime/wasm/wasi/guest-memory.ts';

/** Both ends of a connection; `given` is one that a server has accepted. */
async function connected(): Promise<{ given: net.Socket; peer: net.Socket } & AsyncDisposable> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const peer = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [given] = (await once(server, 'connection')) as [net.Socket];
  return {
    given,
    peer,
    [Symbol.asyncDispose]: async () => {
      given.destroy();
      peer.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** As a Node would have it that no longer tells the descriptor behind a socket. */
function hideDescriptor(socket: net.Socket): void {
  const { _handle: handle } = socket as unknown as { readonly _handle: object };
  Object.defineProperty(handle, 'fd', { value: undefined });
}

describe.for([
  { what: 'with the handle of the socket', isHidden: false },
  { what: 'without it, the ordinary way', isHidden: true },
])('a connection, $what', ({ isHidden }) => {
  test('reads nothing before it is resumed, then all that was sent, to its end', async ({ expect }) => {
    await using ends = await connected();
    const { given, peer } = ends;
    if (isHidden) hideDescriptor(given);
    const received: Buffer[] = [];
    const socket = bareSocket(given, 1024, (buffer, length) => {
      received.push(Buffer.from(buffer.subarray(0, length)));
    });
    expect(socket === given).toBe(isHidden);
    const sent = Buffer.alloc(100_000, 'some bytes');
    peer.end(sent);
    await once(peer, 'finish');
    expect(received).toEqual([]);
    const ended = once(socket, 'end');
    socket.resume();
    await ended;
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    socket.destroy();
  });

  test('says how much of a write the system took at once, and writes by its queue', async ({ expect }) => {
    await using ends = await connected();
    const { given, peer } = ends;
    if (isHidden) hideDescriptor(given);
    const socket = bareSocket(given, 1024, () => undefined);
    const heard: Buffer[] = [];
    peer.on('data', (chunk: Buffer) => heard.push(chunk));
    expect(writeAtOnce(socket, GuestBuffers.over(new Uint8Array(Buffer.from('at once '))))).toBe(isHidden ? 0 : 8);
    const ended = once(peer, 'end');
    socket.end('queued');
    await ended;
    expect(Buffer.concat(heard).toString()).toBe(isHidden ? 'queued' : 'at once queued');
    socket.destroy();
  });
});

test('a socket that is closed already stays as it is, and takes nothing', async ({ expect }) => {
  await using ends = await connected();
  const { given } = ends;
  given.destroy();
  expect(bareSocket(given, 1024, () => undefined)).toBe(given);
  expect(writeAtOnce(given, GuestBuffers.over(new Uint8Array([1])))).toBe(0);
});
