import type { Socket } from 'node:net';

import type { Endpoint } from './address.ts';

/** An address, a space, a port and a newline are never longer. */
const HELLO_LIMIT = 64;
/** Whoever connects writes the line at once. */
const HELLO_MS = 5_000;

/**
 * Reads the line `<peer address> <peer port>\n` with which every connection on a fabric socket begins. Calls back with
 * who the peer is and what came after the line, the socket paused; destroys the socket when there is no such line.
 */
export function readHello(socket: Socket, then: (peer: Endpoint, rest: Uint8Array) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const give = (): void => void socket.destroy();
  const onData = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const end = seen.indexOf(NEWLINE);
    if (end < 0) {
      if (seen.length > HELLO_LIMIT) give();
      return;
    }
    const peer = parseHello(seen.toString('latin1', 0, Math.min(end, HELLO_LIMIT)));
    if (peer === undefined) {
      give();
      return;
    }
    socket.pause();
    socket.off('data', onData);
    socket.off('end', give);
    socket.off('error', give);
    socket.setTimeout(0);
    socket.off('timeout', give);
    then(peer, seen.subarray(end + 1));
  };
  socket.on('data', onData);
  socket.on('end', give);
  socket.on('error', give);
  socket.setTimeout(HELLO_MS);
  socket.on('timeout', give);
}

const NEWLINE = 10;

function parseHello(line: string): Endpoint | undefined {
  const [address = '', port = '', ...more] = line.split(' ');
  const number = Number(port);
  if (address === '' || more.length > 0 || !Number.isInteger(number) || number < 0 || number > 65_535) return undefined;
  return { address, port: number };
}
