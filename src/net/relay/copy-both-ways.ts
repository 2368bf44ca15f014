import type { Duplex } from 'node:stream';

/**
 * What one side sends the other gets, until both have ended. A half-close is passed on; a side that is closed before
 * both of its directions have ended takes the other with it.
 */
export function copyBothWays(a: Duplex, b: Duplex): void {
  if (a.destroyed || b.destroyed) {
    a.destroy();
    b.destroy();
    return;
  }
  copy(a, b);
  copy(b, a);
}

function copy(from: Duplex, to: Duplex): void {
  // `close` follows every error.
  from.on('error', () => {});
  from.on('close', () => {
    if (!from.readableEnded || !from.writableFinished) to.destroy();
  });
  from.pipe(to);
}
