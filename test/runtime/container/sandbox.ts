import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { execa } from 'execa';

import { instanceId, projectName } from '../../../src/model/ids.ts';
import type { ProjectName } from '../../../src/model/ids.ts';
import type { ContainerService, NetworkSpec } from '../../../src/model/project.ts';
import { createContainerRuntime } from '../../../src/runtime/container/driver.ts';
import { Engine } from '../../../src/runtime/container/engine.ts';
import { ensureNetwork } from '../../../src/runtime/container/networks.ts';
import type { CreateRequest, Runtime, RuntimeEvent } from '../../../src/runtime/runtime.ts';
import { LogCollector } from '../../fake/log-collector.ts';
import { container } from '../../plan/fixtures.ts';

export const BUSYBOX = 'wcompose-test/busybox:latest';

/** A project of one test in the real Engine: all that carries its label is gone at the end. */
export class Sandbox implements AsyncDisposable {
  readonly project: ProjectName;
  readonly engine: Engine;
  readonly runtime: Runtime<ContainerService>;
  readonly #stop = new AbortController();

  private constructor(project: ProjectName, engine: Engine) {
    this.project = project;
    this.engine = engine;
    this.runtime = createContainerRuntime(engine);
  }

  static async open(env: NodeJS.ProcessEnv = process.env): Promise<Sandbox> {
    const engine = await Engine.open(env, AbortSignal.timeout(10_000));
    return new Sandbox(projectName(`wct${randomBytes(4).toString('hex')}`), engine);
  }

  /** Ends with the sandbox. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  service(name: string, command: readonly string[], over: Partial<ContainerService> = {}): ContainerService {
    return container(name, { image: BUSYBOX, command, networkMode: 'none', stopGraceMs: 1_000, ...over });
  }

  /** `sh -c script` */
  shell(name: string, script: string, over: Partial<ContainerService> = {}): ContainerService {
    return this.service(name, ['sh', '-c', script], over);
  }

  request(
    service: ContainerService,
    over: Partial<CreateRequest<ContainerService>> = {},
  ): CreateRequest<ContainerService> {
    const index = over.index ?? 1;
    return {
      id: instanceId(service.name, index),
      project: this.project,
      service,
      index,
      configHash: 'h1',
      mounts: [],
      networks: [],
      workingDir: '/demo',
      configFiles: ['/demo/compose.yaml'],
      logs: new LogCollector(),
      ...over,
    };
  }

  async create(service: ContainerService, over: Partial<CreateRequest<ContainerService>> = {}): Promise<string> {
    return await this.runtime.create(this.request(service, over), this.signal);
  }

  async run(service: ContainerService, over: Partial<CreateRequest<ContainerService>> = {}): Promise<string> {
    const handle = await this.create(service, over);
    await this.runtime.start(handle, this.signal);
    return handle;
  }

  async network(key: string, over: Partial<NetworkSpec> = {}): Promise<NetworkSpec> {
    const spec: NetworkSpec = {
      key,
      name: `${this.project}_${key}`,
      external: false,
      internal: true,
      driverOpts: {},
      labels: {},
      ...over,
    };
    await ensureNetwork(this.engine, this.project, spec, this.signal);
    return spec;
  }

  /** The runtime's events so far, growing. */
  events(): readonly RuntimeEvent[] {
    const seen: RuntimeEvent[] = [];
    const events = this.runtime.events(this.project, this.signal);
    void (async () => {
      for await (const event of events) seen.push(event);
    })();
    return seen;
  }

  async ended(handle: string): Promise<void> {
    await eventually(async () => {
      const { stdout } = await docker('inspect', '-f', '{{.State.Status}}', handle);
      if (stdout !== 'exited') throw new Error(`${handle} is ${stdout}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.runtime[Symbol.asyncDispose]();
    for (const kind of ['container', 'network', 'volume'] as const) {
      const filter = ['--filter', `label=com.docker.compose.project=${this.project}`];
      const { stdout } = await docker(kind, 'ls', '-q', ...(kind === 'container' ? ['-a'] : []), ...filter);
      const found = stdout.split('\n').filter((id) => id !== '');
      if (found.length > 0) await docker(kind, 'rm', ...(kind === 'container' ? ['-fv'] : []), ...found);
    }
  }
}

export async function docker(...args: readonly string[]): Promise<{ readonly stdout: string }> {
  return await execa('docker', [...args], { timeout: 60_000 });
}

/** Looks until the check returns without throwing; its last error is the test's. */
export async function eventually<T>(check: () => Promise<T> | T, withinMs = 20_000): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > until) throw error;
      await delay(30);
    }
  }
}
