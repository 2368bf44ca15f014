import type { InstanceInput } from '../wasm-runtime.ts';
import type { ToGuest } from './messages.ts';

/** Bytes that the guest has not read, above which whoever writes has to wait. */
const AHEAD = 256 * 1024;
const CHUNK = 64 * 1024;

/** The sending end of a guest's standard input, on the main thread. */
export class GuestInput implements InstanceInput {
  readonly #post: (message: ToGuest) => void;
  #unread = 0;
  #taken = Promise.withResolvers<void>();
  #isEnded = false;

  constructor(post: (message: ToGuest) => void) {
    this.#post = post;
  }

  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (let at = 0; at < bytes.length && !this.#isEnded; at += CHUNK) {
        const chunk = bytes.slice(at, at + CHUNK);
        this.#unread += chunk.length;
        this.#post({ type: 'input', bytes: chunk });
        while (this.#unread > AHEAD && !this.#isEnded) await Promise.race([this.#taken.promise, aborted]);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  end(): void {
    if (this.#isEnded) return;
    this.#post({ type: 'input-end' });
    this.close();
  }

  /** The guest has read so many bytes, or will never read them. */
  take(count: number): void {
    this.#unread = Math.max(this.#unread - count, 0);
    this.#taken.resolve();
    this.#taken = Promise.withResolvers<void>();
  }

  /** Nobody will read any more. */
  close(): void {
    this.#isEnded = true;
    this.#taken.resolve();
  }
}
