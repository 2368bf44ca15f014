import { describe, test } from 'vitest';

import type { LogSink } from '../../../src/logs/record.ts';
import { Engine } from '../../../src/runtime/container/engine.ts';
import { followLogs } from '../../../src/runtime/container/follow-logs.ts';
import { LogCollector } from '../../fake/log-collector.ts';
import { EngineProxy } from '../../fake/engine-proxy.ts';
import { docker, eventually, Sandbox } from './sandbox.ts';

const never = new AbortController().signal;

/** Counts to `count`, on both streams in turn, with a pause after each ten. */
function counting(count: number, pause = '0.01'): string {
  return `i=0; while [ $i -lt ${count} ]; do echo "line $i"; i=$((i+1)); echo "line $i" >&2; i=$((i+1)); [ $((i%10)) = 0 ] && sleep ${pause}; done`;
}

function numbers(lines: readonly { readonly text: string }[]): readonly number[] {
  return lines.map((line) => Number(line.text.replace('line ', ''))).toSorted((a, b) => a - b);
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}

describe('the log of a container', () => {
  test('both streams, each line once, to its end', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(sandbox.shell('web', counting(200)));
    const log = new LogCollector();
    await followLogs(sandbox.engine, handle, undefined, log, never);
    expect(numbers(log.lines)).toEqual(range(200));
    expect(log.text('stdout')).toEqual(range(100).map((n) => `line ${n * 2}`));
    expect(log.text('stderr')).toEqual(range(100).map((n) => `line ${n * 2 + 1}`));
  });

  test('lines while they are printed, with their times', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(
      sandbox.shell('web', 'echo first; read line; echo got $line', { engine: { stdin_open: true } }),
    );
    const times: number[] = [];
    const log = new LogCollector();
    const sink: LogSink = {
      write: (stream, chunk, at) => {
        times.push(at ?? 0);
        log.write(stream, chunk);
      },
      system: (text) => log.system(text),
      flush: () => log.flush(),
    };
    const done = followLogs(sandbox.engine, handle, undefined, sink, never);
    await log.until('first');
    await sandbox.runtime.stop(handle, 0, sandbox.signal);
    await done;
    expect(times).toEqual([expect.closeTo(Date.now(), -5)]);
  });

  test('with a TTY', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(
      sandbox.shell('web', 'echo one; echo two >&2; printf "no end"', { engine: { tty: true } }),
    );
    const log = new LogCollector();
    await followLogs(sandbox.engine, handle, undefined, log, never);
    log.flush();
    expect(log.lines).toEqual(['one', 'two', 'no end'].map((text) => ({ stream: 'stdout', text })));
  });

  for (const tty of [false, true]) {
    test(`a long line comes whole${tty ? ', with a TTY' : ''}`, async ({ expect }) => {
      await using sandbox = await Sandbox.open();
      const script = `head -c 50000 /dev/zero | tr '\\0' a; echo; echo end`;
      const handle = await sandbox.run(sandbox.shell('web', script, { engine: { tty } }));
      const log = new LogCollector();
      await followLogs(sandbox.engine, handle, undefined, log, never);
      expect(log.text()).toEqual(['a'.repeat(50_000), 'end']);
    });
  }

  test('only what is later than another process has read', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(sandbox.shell('web', 'echo one; sleep 0.1; echo two; sleep 0.1; echo three'));
    const at: number[] = [];
    const sink: LogSink = {
      write: (_stream, _chunk, time) => void at.push(time ?? 0),
      system: () => {},
      flush: () => {},
    };
    await followLogs(sandbox.engine, handle, undefined, sink, never);
    for (const [index, time] of at.entries()) {
      const log = new LogCollector();
      await followLogs(sandbox.engine, handle, time, log, never);
      expect(log.text()).toEqual(['one', 'two', 'three'].slice(index + 1));
    }
  });

  test('a container that is started again and again: each line once', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const script = 'echo start; echo end >&2; exit 1';
    const handle = await sandbox.run(sandbox.shell('web', script, { restart: { when: 'on-failure', maxRetries: 3 } }));
    await sandbox.ended(handle);
    const log = new LogCollector();
    await followLogs(sandbox.engine, handle, undefined, log, never);
    expect([log.text('stdout'), log.text('stderr')]).toEqual([Array(4).fill('start'), Array(4).fill('end')]);
  });

  test('ends with the signal, with the container, and for what never was', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const stop = new AbortController();
    const handle = await sandbox.run(sandbox.shell('web', 'echo hi; exec sleep 60'));
    const log = new LogCollector();
    const following = followLogs(sandbox.engine, handle, undefined, log, stop.signal);
    await log.until('hi');
    stop.abort();
    await following;
    const removed = followLogs(sandbox.engine, handle, undefined, new LogCollector(), never);
    await docker('rm', '-f', handle);
    await removed;
    await followLogs(sandbox.engine, handle, undefined, new LogCollector(), never);
    expect(log.text()).toEqual(['hi']);
  });

  test('a logging driver that keeps nothing is said to', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    const handle = await sandbox.run(sandbox.shell('web', 'echo hi', { engine: { logging: { driver: 'none' } } }));
    const log = new LogCollector();
    await followLogs(sandbox.engine, handle, undefined, log, never);
    expect(log.lines).toEqual([{ stream: 'system', text: 'its logging driver keeps no log that could be shown here' }]);
  });
});

describe('the log while the Engine comes and goes', () => {
  test('each line once, however often the connection is cut', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await using proxy = await EngineProxy.open();
    await using engine = await Engine.open({ DOCKER_HOST: `unix://${proxy.socketPath}` }, AbortSignal.timeout(10_000));
    const handle = await sandbox.run(sandbox.shell('web', counting(1_000)));
    const log = new LogCollector();
    const done = followLogs(engine, handle, undefined, log, never);
    for (const at of [100, 300, 500, 700]) {
      await eventually(() => expect(log.lines.length).toBeGreaterThan(at));
      proxy.cut();
    }
    await done;
    expect(numbers(log.lines)).toEqual(range(1_000));
  });

  test('goes on where it was when the Engine is back', async ({ expect }) => {
    await using sandbox = await Sandbox.open();
    await using proxy = await EngineProxy.open();
    await using engine = await Engine.open({ DOCKER_HOST: `unix://${proxy.socketPath}` }, AbortSignal.timeout(10_000));
    const handle = await sandbox.run(
      sandbox.shell('web', `${counting(100)}; read wait; ${counting(100)}`, { engine: { stdin_open: true } }),
    );
    const log = new LogCollector();
    const done = followLogs(engine, handle, undefined, log, never);
    await log.until('line 99');
    await proxy.down();
    await sandbox.runtime.stop(handle, 0, sandbox.signal);
    await sandbox.runtime.start(handle, sandbox.signal);
    await eventually(async () => expect((await docker('logs', handle)).stdout.match(/line 98$/gm)).toHaveLength(2));
    await proxy.restore();
    await eventually(() => expect(log.lines).toHaveLength(200));
    await sandbox.runtime.stop(handle, 0, sandbox.signal);
    await done;
    expect(numbers(log.lines)).toEqual(range(100).flatMap((n) => [n, n]));
  });
});
