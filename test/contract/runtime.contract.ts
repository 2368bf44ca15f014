import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, type ExpectStatic, test } from 'vitest';

import { type InstanceId, instanceId } from '../../src/model/ids.ts';
import type { MountSpec, ServiceCommon } from '../../src/model/project.ts';
import { exitCode, type InstanceState, type ObservedInstance } from '../../src/model/state.ts';
import type { ResolvedMount, RuntimeEvent } from '../../src/runtime/runtime.ts';
import { LogCollector } from '../fake/log-collector.ts';
import type { Program, Subject } from './subject.ts';

/** What every runtime does. One row, one behaviour; the subject says how its programs are made. */
export function runtimeContract(name: string, open: () => Promise<Subject>): void {
  describe(`${name} runtime`, () => {
    for (const [title, behaviour] of Object.entries(BEHAVIOURS)) {
      test(title, async ({ expect }) => {
        await using subject = await open();
        await using bench = new Bench(subject);
        await behaviour(bench, expect);
      });
    }
  });
}

type Behaviour = (bench: Bench, expect: ExpectStatic) => Promise<void>;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'an instance that was created does not run': async (bench, expect) => {
    const one = await bench.create('idle', { does: 'wait' });
    expect(await one.observe()).toMatchObject({
      id: 'idle#1',
      service: 'idle',
      index: 1,
      kind: bench.subject.runtime.kind,
      handle: one.handle,
      configHash: 'hash-idle',
      state: { at: 'created' },
      restarts: 0,
    });
  },

  'its name is made of project, service and number': async (bench, expect) => {
    const one = await bench.create('named', { does: 'wait' });
    expect((await one.observe())?.name).toBe(`${bench.subject.project}-named-1`);
  },

  'it runs when start has resolved': async (bench, expect) => {
    const one = await bench.up('waiter', { does: 'wait' });
    expect((await one.observe())?.state).toMatchObject({ at: 'running', health: 'none' });
    expect(bench.types(one.id)).toEqual(['started']);
  },

  'what it uses is known while it runs, and only then': async (bench, expect) => {
    const one = await bench.create('user', { does: 'wait' });
    expect(await bench.subject.runtime.usage(one.handle, new AbortController().signal)).toBeUndefined();
    await one.start();
    const usage = await bench.subject.runtime.usage(one.handle, new AbortController().signal);
    expect(usage?.memoryBytes).toBeGreaterThan(0);
    expect(usage?.memoryLimitBytes).toBeGreaterThan(usage?.memoryBytes ?? 0);
    expect(usage?.cpu?.usedMs).toBeGreaterThanOrEqual(0);
    await one.stop(0);
    expect(await bench.subject.runtime.usage(one.handle, new AbortController().signal)).toBeUndefined();
  },

  'starting it twice is starting it once': async (bench, expect) => {
    const one = await bench.up('twice', { does: 'wait' });
    await one.start();
    await one.stop(0);
    await one.until('exited');
    expect(bench.types(one.id)).toEqual(['started', 'exited']);
  },

  'an exit status is told and kept': async (bench, expect) => {
    const one = await bench.up('three', { does: 'exit', code: 3 });
    const event = await one.until('exited');
    expect(event.exit).toEqual({ how: 'code', code: 3 });
    expect(event.restartAt).toBeUndefined();
    expect((await one.observe())?.state).toMatchObject({ at: 'exited', exit: { how: 'code', code: 3 } });
  },

  'ending well is exit status 0': async (bench, expect) => {
    const one = await bench.up('zero', { does: 'exit', code: 0 });
    expect(exitCode((await one.until('exited')).exit)).toBe(0);
  },

  'what has ended can be started again': async (bench, expect) => {
    const one = await bench.up('again', { does: 'exit', code: 0 });
    await one.until('exited');
    await one.start();
    await one.until('exited', 2);
    expect(bench.types(one.id)).toEqual(['started', 'exited', 'started', 'exited']);
  },

  'stop ends what waits': async (bench, expect) => {
    const one = await bench.up('stopped', { does: 'wait' });
    expect(exitCode(await one.stop(1_000))).toBe(137);
    expect((await one.observe())?.state.at).toBe('exited');
    await one.until('exited');
    expect(bench.types(one.id)).toEqual(['started', 'exited']);
  },

  'stop without grace ends what computes': async (bench, expect) => {
    const one = await bench.up('spinning', { does: 'spin' });
    expect(exitCode(await one.stop(0))).toBe(137);
    expect((await one.observe())?.state.at).toBe('exited');
  },

  'stop with grace ends what computes, too': async (bench, expect) => {
    const one = await bench.up('spinning', { does: 'spin' });
    expect(exitCode(await one.stop(1_000))).toBe(137);
  },

  'stopping what has ended keeps its status': async (bench, expect) => {
    const one = await bench.up('ended', { does: 'exit', code: 4 });
    await one.until('exited');
    expect(exitCode(await one.stop(1_000))).toBe(4);
    expect(bench.types(one.id)).toEqual(['started', 'exited']);
  },

  'no restart policy: it stays ended': async (bench, expect) => {
    const one = await bench.up('once', { does: 'exit', code: 1 });
    await one.until('exited');
    expect(await one.observe()).toMatchObject({ state: { at: 'exited' }, restarts: 0 });
  },

  'restart always: it runs again, also after status 0': async (bench, expect) => {
    const one = await bench.up('always', { does: 'exit', code: 0 }, { restart: { when: 'always' } });
    await one.until('exited', 3);
    expect(bench.types(one.id).slice(0, 5)).toEqual(['started', 'exited', 'started', 'exited', 'started']);
  },

  'restart always: stop ends it for good, also between two runs': async (bench, expect) => {
    const one = await bench.up('looping', { does: 'exit', code: 1 }, { restart: { when: 'always' } });
    await one.until('exited', 2);
    expect(exitCode(await one.stop(0))).toBe(1);
    expect((await one.observe())?.state.at).toBe('exited');
  },

  'restart on-failure: as often as it may': async (bench, expect) => {
    const restart = { when: 'on-failure', maxRetries: 2 } as const;
    const one = await bench.up('failing', { does: 'exit', code: 5 }, { restart });
    await one.untilState((state) => state.at === 'exited');
    await one.until('exited', 3);
    expect(bench.types(one.id)).toEqual(['started', 'exited', 'started', 'exited', 'started', 'exited']);
  },

  'restart on-failure: not after status 0': async (bench, expect) => {
    const one = await bench.up('fine', { does: 'exit', code: 0 }, { restart: { when: 'on-failure' } });
    await one.until('exited');
    await one.untilState((state) => state.at === 'exited');
    expect(bench.types(one.id)).toEqual(['started', 'exited']);
  },

  'what it prints arrives in order and whole': async (bench, expect) => {
    const one = await bench.up('counter', { does: 'count', count: 5_000 });
    await one.until('exited');
    const lines = (await one.lines()).filter((line) => line.stream === 'stdout');
    expect(lines.map((line) => line.text)).toEqual(Array.from({ length: 5_000 }, (_, i) => `line ${i}`));
  },

  'stdout and stderr are kept apart': async (bench, expect) => {
    const printed = [
      { stream: 'stdout', text: 'one' },
      { stream: 'stderr', text: 'two' },
      { stream: 'stdout', text: 'drei – 三' },
    ] as const;
    const one = await bench.up('both', { does: 'print', lines: printed });
    await one.until('exited');
    const lines = await one.lines();
    expect(lines.filter((line) => line.stream === 'stdout').map((line) => line.text)).toEqual(['one', 'drei – 三']);
    expect(lines.filter((line) => line.stream === 'stderr').map((line) => line.text)).toEqual(['two']);
  },

  'arguments reach the program as they are': async (bench, expect) => {
    const args = ['plain', 'with space', '', '$HOME', '"quoted"', 'ü'];
    const one = await bench.up('args', { does: 'print-args', args });
    await one.until('exited');
    expect(await one.texts()).toEqual(args);
  },

  'the environment is that of the service': async (bench, expect) => {
    const environment = { GREETING: 'hello world', EMPTY: '', UNSET: null };
    const names = ['GREETING', 'EMPTY', 'UNSET'];
    const one = await bench.up('env', { does: 'print-env', names }, { environment });
    await one.until('exited');
    expect(await one.texts()).toEqual(['GREETING=hello world', 'EMPTY=']);
  },

  'what it writes to a mounted directory is there, and the other way round': async (bench, expect) => {
    const dir = bench.directory();
    writeFileSync(path.join(dir, 'file'), 'from the host\n');
    const program = { does: 'append', path: '/data/file', text: 'from inside' } as const;
    const one = await bench.up('writer', program, {}, [bind(dir, '/data', false)]);
    expect(exitCode((await one.until('exited')).exit)).toBe(0);
    expect(readFileSync(path.join(dir, 'file'), 'utf8')).toBe('from the host\nfrom inside\n');
    const two = await bench.up('reader', { does: 'read', path: '/data/file' }, {}, [bind(dir, '/data', false)]);
    await two.until('exited');
    expect(await two.texts()).toEqual(['from the host', 'from inside']);
  },

  'a read-only mount stays as it is': async (bench, expect) => {
    const dir = bench.directory();
    writeFileSync(path.join(dir, 'file'), 'kept\n');
    const program = { does: 'append', path: '/data/file', text: 'lost' } as const;
    const one = await bench.up('denied', program, {}, [bind(dir, '/data', true)]);
    expect(exitCode((await one.until('exited')).exit)).toBe(1);
    expect(readFileSync(path.join(dir, 'file'), 'utf8')).toBe('kept\n');
  },

  'a tmpfs can be written': async (bench, expect) => {
    const mount: ResolvedMount = { spec: { ...bind('', '/scratch', false).spec, type: 'tmpfs', source: '' } };
    const program = { does: 'append', path: '/scratch/file', text: 'x' } as const;
    const one = await bench.up('scratch', program, {}, [mount]);
    expect(exitCode((await one.until('exited')).exit)).toBe(0);
  },

  'removing it while it runs ends it': async (bench, expect) => {
    const one = await bench.up('removed', { does: 'wait' });
    await one.remove();
    expect(await one.observe()).toBeUndefined();
    await one.until('removed');
    expect(bench.types(one.id)).toEqual(['started', 'exited', 'removed']);
  },

  'removing what is gone is nothing': async (bench, expect) => {
    const one = await bench.create('gone', { does: 'wait' });
    await one.remove();
    await one.remove();
    expect(await one.observe()).toBeUndefined();
  },

  'what was removed can be made again': async (bench, expect) => {
    const first = await bench.up('phoenix', { does: 'wait' });
    await first.remove();
    const second = await bench.up('phoenix', { does: 'wait' });
    expect((await second.observe())?.state.at).toBe('running');
  },

  'another project sees none of it': async (bench, expect) => {
    await bench.up('hidden', { does: 'wait' });
    const { runtime, otherProject } = bench.subject;
    expect(await runtime.observe(otherProject, bench.signal)).toEqual([]);
  },

  'replicas of a service are instances of their own': async (bench, expect) => {
    const first = await bench.up('many', { does: 'wait' });
    const second = await bench.up('many', { does: 'wait' }, {}, [], 2);
    await first.stop(0);
    expect((await second.observe())?.state.at).toBe('running');
  },
};

/** The instances of one test, and what happened to them. */
class Bench implements AsyncDisposable {
  readonly subject: Subject;
  readonly signal: AbortSignal;
  readonly events: RuntimeEvent[] = [];
  readonly #stop = new AbortController();
  readonly #pump: Promise<void>;
  readonly #dirs: string[] = [];
  #news = Promise.withResolvers<void>();

  constructor(subject: Subject) {
    this.subject = subject;
    this.signal = this.#stop.signal;
    this.#pump = this.#listen(subject.runtime.events(subject.project, this.signal));
  }

  async create(
    name: string,
    program: Program,
    common: Partial<ServiceCommon> = {},
    mounts: readonly ResolvedMount[] = [],
    index = 1,
  ): Promise<Handle> {
    const { runtime, project, networks } = this.subject;
    const service = this.subject.service(name, program, { ...common, mounts: mounts.map((mount) => mount.spec) });
    const logs = new LogCollector();
    await runtime.prepare(service, () => undefined, this.signal);
    const id = instanceId(name, index);
    const handle = await runtime.create(
      {
        id,
        project,
        service,
        index,
        configHash: `hash-${name}`,
        mounts,
        networks,
        workingDir: tmpdir(),
        configFiles: [path.join(tmpdir(), 'compose.yaml')],
        logs,
      },
      this.signal,
    );
    return new Handle(this, id, handle, logs);
  }

  async up(...what: Parameters<Bench['create']>): Promise<Handle> {
    const handle = await this.create(...what);
    await handle.start();
    return handle;
  }

  types(id: InstanceId): readonly string[] {
    return this.events
      .filter((event) => 'id' in event && event.id === id && event.type !== 'ports')
      .map((event) => event.type);
  }

  directory(): string {
    const dir = mkdtempSync(path.join(tmpdir(), 'wc-contract-'));
    this.#dirs.push(dir);
    return dir;
  }

  /** Resolves when something has happened. */
  async news(): Promise<void> {
    await this.#news.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#pump;
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

class Handle {
  readonly id: InstanceId;
  readonly handle: string;
  readonly #bench: Bench;
  readonly #logs: LogCollector;

  constructor(bench: Bench, id: InstanceId, handle: string, logs: LogCollector) {
    this.#bench = bench;
    this.id = id;
    this.handle = handle;
    this.#logs = logs;
  }

  async start(): Promise<void> {
    await this.#bench.subject.runtime.start(this.handle, this.#bench.signal);
    await this.until('started');
  }

  async stop(graceMs: number): ReturnType<Subject['runtime']['stop']> {
    return await this.#bench.subject.runtime.stop(this.handle, graceMs, this.#bench.signal);
  }

  async remove(): Promise<void> {
    await this.#bench.subject.runtime.remove(this.handle, this.#bench.signal);
  }

  async observe(): Promise<ObservedInstance | undefined> {
    const { runtime, project } = this.#bench.subject;
    return (await runtime.observe(project, this.#bench.signal)).find((instance) => instance.id === this.id);
  }

  /** The `count`-th event of the type, which may have happened already. */
  async until<T extends 'started' | 'exited' | 'removed'>(
    type: T,
    count = 1,
  ): Promise<Extract<RuntimeEvent, { type: T }>> {
    for (;;) {
      const found = this.#bench.events.filter(
        (event): event is Extract<RuntimeEvent, { type: T }> =>
          event.type === type && 'id' in event && event.id === this.id,
      )[count - 1];
      if (found !== undefined) return found;
      await this.#bench.news();
    }
  }

  /** Looks after every event of the instance. */
  async untilState(matches: (state: InstanceState) => boolean): Promise<void> {
    for (;;) {
      const state = (await this.observe())?.state;
      if (state !== undefined && matches(state)) return;
      await this.#bench.news();
    }
  }

  async lines(): ReturnType<Subject['lines']> {
    this.#logs.flush();
    return await this.#bench.subject.lines(this.handle, this.#logs);
  }

  async texts(): Promise<readonly string[]> {
    return (await this.lines()).filter((line) => line.stream === 'stdout').map((line) => line.text);
  }
}

function bind(hostPath: string, target: string, readOnly: boolean): ResolvedMount {
  const origin = { file: 'compose.yaml', line: 1, column: 1, path: 'services.x.volumes[0]' };
  const spec: MountSpec = {
    type: 'bind',
    source: hostPath,
    target,
    readOnly,
    createHostPath: false,
    noCopy: false,
    origin,
  };
  return { spec, hostPath };
}
