import type { Duplex } from 'node:stream';

/**
 * What a relay's stream sends the socket gets and the other way round, until both have ended. A half-close is passed
 * on; a side that is closed before both of its directions have ended takes the other with it.
 */
export function copyBothWays(stream: Duplex, socket: Duplex): void {
  if (stream.destroyed || socket.destroyed) {
    stream.destroy();
    socket.destroy();
    return;
  }
  writeTogether(stream, socket);
  copy(stream, socket);
  copy(socket, stream);
}

function copy(from: Duplex, to: Duplex): void {
  // `close` follows every error.
  from.on('error', () => {});
  from.on('close', () => {
    if (!from.readableEnded || !from.writableFinished) to.destroy();
  });
  from.pipe(to);
}

/** A stream's bytes come in the many pieces of several framings: those of one turn are one write. */
function writeTogether(stream: Duplex, socket: Duplex): void {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    socket.uncork();
  };
  stream.on('data', () => {
    if (corked) return;
    corked = true;
    socket.cork();
    process.nextTick(uncork);
  });
  // Not yet: `pipe` lets it flow, when all who listen are there.
  stream.pause();
}
