import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { type InstanceId, instanceId, projectName } from '../../../src/model/ids.ts';
import type { WasmService } from '../../../src/model/project.ts';
import type { ObservedInstance } from '../../../src/model/state.ts';
import type { ResolvedMount, RuntimeEvent } from '../../../src/runtime/runtime.ts';
import type { WasmRuntime } from '../../../src/runtime/wasm-runtime.ts';
import { createWasmRuntime } from '../../../src/runtime/wasm/driver.ts';
import { FakeFabric } from '../../fake/fabric.ts';
import { LogCollector } from '../../fake/log-collector.ts';

export interface Started {
  readonly id: InstanceId;
  readonly logs: LogCollector;
}

/** The Wasm driver of one test, its instances and what happened to them. */
export class WasmBench implements AsyncDisposable {
  readonly fabric = new FakeFabric();
  readonly runtime: WasmRuntime;
  readonly events: RuntimeEvent[] = [];
  readonly project = projectName('bench');
  readonly #stop = new AbortController();
  readonly #pump: Promise<void>;
  readonly #dirs: string[] = [];
  #news = Promise.withResolvers<void>();

  constructor(create = createWasmRuntime) {
    this.runtime = create({ fabric: this.fabric });
    this.#pump = this.#listen(this.runtime.events(this.project, this.#stop.signal));
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  async create(service: WasmService, mounts: readonly ResolvedMount[] = []): Promise<Started> {
    const id = instanceId(service.name, 1);
    const logs = new LogCollector();
    await this.runtime.prepare(service, () => undefined, this.signal);
    const about = { id, project: this.project, service, index: 1, configHash: 'hash', mounts, networks: [] };
    await this.runtime.create({ ...about, workingDir: tmpdir(), configFiles: [], logs }, this.signal);
    return { id, logs };
  }

  async up(service: WasmService, mounts: readonly ResolvedMount[] = []): Promise<Started> {
    const started = await this.create(service, mounts);
    await this.runtime.start(started.id, this.signal);
    return started;
  }

  async observe(id: InstanceId): Promise<ObservedInstance | undefined> {
    return (await this.runtime.observe(this.project, this.signal)).find((instance) => instance.id === id);
  }

  /** The address of the first published port. */
  async url(id: InstanceId): Promise<string> {
    const port = (await this.observe(id))?.ports[0]?.published;
    return `http://127.0.0.1:${port}/`;
  }

  /** The first event that matches; it may have happened already. */
  async until<T extends RuntimeEvent['type']>(
    id: InstanceId,
    type: T,
    matches: (event: Extract<RuntimeEvent, { type: T }>) => boolean = () => true,
  ): Promise<Extract<RuntimeEvent, { type: T }>> {
    for (;;) {
      const found = this.events.find(
        (event): event is Extract<RuntimeEvent, { type: T }> =>
          event.type === type &&
          'id' in event &&
          event.id === id &&
          matches(event as Extract<RuntimeEvent, { type: T }>),
      );
      if (found !== undefined) return found;
      await this.#news.promise;
    }
  }

  /** Resolves when the fabric was told this. */
  async untilFabric(call: string): Promise<void> {
    while (!this.fabric.calls.includes(call)) await this.#news.promise;
  }

  /** Resolves when there were so many events of the type. */
  async untilEvents(id: InstanceId, type: RuntimeEvent['type'], count: number): Promise<void> {
    const found = (): number =>
      this.events.filter((event) => event.type === type && 'id' in event && event.id === id).length;
    while (found() < count) await this.#news.promise;
  }

  /** A file with these bytes. */
  module(bytes: Uint8Array): string {
    const file = path.join(this.directory(), 'module.wasm');
    writeFileSync(file, bytes);
    return file;
  }

  bind(hostPath: string, target: string): ResolvedMount {
    const origin = { file: 'compose.yaml', line: 7, column: 9, path: 'services.web.volumes[0]' };
    const spec = {
      type: 'bind',
      source: hostPath,
      target,
      readOnly: false,
      createHostPath: false,
      noCopy: false,
      origin,
    } as const;
    return { spec, hostPath };
  }

  tmpfs(target: string, sizeBytes: number): ResolvedMount {
    return { spec: { ...this.bind('', target).spec, type: 'tmpfs', sizeBytes } };
  }

  directory(): string {
    const dir = mkdtempSync(path.join(tmpdir(), 'wc-wasm-'));
    this.#dirs.push(dir);
    return dir;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime[Symbol.asyncDispose]();
    this.#stop.abort();
    await this.#pump;
    await this.fabric[Symbol.asyncDispose]();
    for (const dir of this.#dirs) rmSync(dir, { recursive: true, force: true });
  }

  async #listen(events: AsyncIterable<RuntimeEvent>): Promise<void> {
    for await (const event of events) {
      this.events.push(event);
      this.#news.resolve();
      this.#news = Promise.withResolvers<void>();
    }
  }
}
