import type { Socket } from 'node:net';

/** What went over the connections of a guest, also those that are closed by now. */
export class Traffic {
  readonly #open = new Set<Socket>();
  #received = 0;
  #sent = 0;

  keep(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#received += socket.bytesRead;
      this.#sent += socket.bytesWritten;
    });
  }

  get usage(): { readonly connections: number; readonly receivedBytes: number; readonly sentBytes: number } {
    let receivedBytes = this.#received;
    let sentBytes = this.#sent;
    for (const socket of this.#open) {
      receivedBytes += socket.bytesRead;
      sentBytes += socket.bytesWritten;
    }
    return { connections: this.#open.size, receivedBytes, sentBytes };
  }
}
