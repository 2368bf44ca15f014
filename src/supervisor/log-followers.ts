import type { LogHub } from '../logs/hub.ts';
import type { InstanceId } from '../model/ids.ts';
import type { EngineSide } from './engine-access.ts';

/** One follower per running container copies its log into the hub; Wasm instances write there themselves. */
export class LogFollowers implements AsyncDisposable {
  readonly #hub: LogHub;
  readonly #onError: (error: unknown) => void;
  readonly #stop = new AbortController();
  readonly #active = new Map<string, Promise<void>>();

  constructor(hub: LogHub, onError: (error: unknown) => void) {
    this.#hub = hub;
    this.#onError = onError;
  }

  get size(): number {
    return this.#active.size;
  }

  /** Begins to follow where the hub's last line of the container is; a no-op while it is followed. */
  follow(engine: EngineSide, handle: string, id: InstanceId): void {
    if (this.#active.has(handle) || this.#stop.signal.aborted) return;
    const sink = this.#hub.sink(id);
    const done = engine
      .followLogs(handle, this.#hub.lastAt(id), sink, this.#stop.signal)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#onError(error);
      })
      .finally(() => {
        sink.flush();
        this.#active.delete(handle);
      });
    this.#active.set(handle, done);
  }

  /** Resolves when what the container printed before it ended is in the hub, or the signal ends the patience. */
  async drained(handle: string, patience: AbortSignal): Promise<void> {
    const active = this.#active.get(handle);
    if (active === undefined || patience.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    patience.addEventListener('abort', () => resolve(), { once: true });
    await Promise.race([active, promise]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#active.values());
  }
}
