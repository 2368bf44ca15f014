import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, test } from 'vitest';

import { LogHub } from '../../src/logs/hub.ts';
import type { LogQuery } from '../../src/logs/query.ts';
import type { LogRecord } from '../../src/logs/record.ts';
import { instanceId } from '../../src/model/ids.ts';

const a = instanceId('a', 1);
const b = instanceId('b', 1);
const all: LogQuery = { services: [], after: 0, follow: false };
const never = new AbortController().signal;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wcompose-logs-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function hub(over: { segmentBytes?: number; keepSegments?: number } = {}): LogHub {
  let clock = 0;
  return new LogHub({ dir, now: () => ++clock, ...over });
}

async function collect(source: AsyncIterable<readonly LogRecord[]>, limit = Infinity): Promise<readonly string[]> {
  const seen: string[] = [];
  for await (const records of source) {
    seen.push(
      ...records.map((record) => `${record.id} ${record.stream} ${record.text}${record.partial === true ? '…' : ''}`),
    );
    if (seen.length >= limit) break;
  }
  return seen;
}

describe('log hub', () => {
  test('keeps the lines of all instances in the order they came', async ({ expect }) => {
    using logs = hub();
    logs.sink(a).write('stdout', Buffer.from('one\ntwo\n'));
    logs.sink(b).write('stderr', Buffer.from('three\n'));
    logs.sink(a).system('exited with code 0');
    expect(await collect(logs.read(all, never))).toEqual([
      'a#1 stdout one',
      'a#1 stdout two',
      'b#1 stderr three',
      'a#1 system exited with code 0',
    ]);
  });

  test('a line that is not ended is kept until its end or a flush', async ({ expect }) => {
    using logs = hub();
    logs.sink(a).write('stdout', Buffer.from('half'));
    expect(await collect(logs.read(all, never))).toEqual([]);
    logs.sink(a).flush();
    expect(await collect(logs.read(all, never))).toEqual(['a#1 stdout half…']);
  });

  test('chooses by service, by position and by tail per instance', async ({ expect }) => {
    using logs = hub();
    for (const text of ['1', '2', '3']) {
      logs.sink(a).write('stdout', Buffer.from(`a${text}\n`));
      logs.sink(b).write('stdout', Buffer.from(`b${text}\n`));
    }
    expect(await collect(logs.read({ ...all, services: ['b'] }, never))).toHaveLength(3);
    expect(await collect(logs.read({ ...all, after: 4 }, never))).toEqual(['a#1 stdout a3', 'b#1 stdout b3']);
    expect(await collect(logs.read({ ...all, tail: 1 }, never))).toEqual(['a#1 stdout a3', 'b#1 stdout b3']);
    expect(await collect(logs.read({ ...all, tail: 0 }, never))).toEqual([]);
  });

  test('history and live join without a gap and without a double', async ({ expect }) => {
    using logs = hub({ segmentBytes: 500 });
    const total = 300;
    let written = 0;
    const write = (): void => {
      logs.sink(a).write('stdout', Buffer.from(`line ${written++}\n`));
    };
    for (let i = 0; i < 100; i++) write();
    const reading = collect(logs.read({ ...all, follow: true }, never), total);
    for (let i = 100; i < total; i++) {
      write();
      if (i % 7 === 0) await turn();
    }
    const expected = Array.from({ length: total }, (_, i) => `a#1 stdout line ${i}`);
    // Old segments are dropped at 500 bytes each, so the reader may begin later; what it reads has no hole.
    const seen = await reading;
    expect(seen).toEqual(expected.slice(expected.length - seen.length));
    expect(seen.length).toBeGreaterThan(200);
  });

  test('records and bytes tell the same, with a tail and what is written after it', async ({ expect }) => {
    using logs = hub();
    const sink = logs.sink(a);
    for (const text of ['one', 'two "quoted"', 'three\u001b[0m', '€ and \\'])
      sink.write('stdout', Buffer.from(`${text}\n`));
    const end = new AbortController();
    const seen: LogRecord[] = [];
    let bytes = 0;
    const reading = (async () => {
      for await (const part of logs.readParts({ ...all, tail: 2, follow: true }, end.signal)) {
        const isBytes = part instanceof Uint8Array;
        if (isBytes) bytes++;
        const lines = isBytes ? Buffer.from(part).toString().trimEnd().split('\n') : [];
        seen.push(...(isBytes ? lines.map((line) => JSON.parse(line) as LogRecord) : part));
        if (seen.length === 4) break;
      }
    })();
    await turn();
    sink.write('stderr', Buffer.from('five\nsix'));
    sink.flush();
    await reading;
    expect(seen.map(({ seq, stream, text, partial }) => [seq, stream, text, partial])).toEqual([
      [3, 'stdout', 'three\u001b[0m', undefined],
      [4, 'stdout', '€ and \\', undefined],
      [5, 'stderr', 'five', undefined],
      [6, 'stderr', 'six', true],
    ]);
    expect(bytes).toBe(1);
  });

  test('a follower ends with its signal', async ({ expect }) => {
    using logs = hub();
    const stop = new AbortController();
    const reading = collect(logs.read({ ...all, follow: true }, stop.signal));
    await turn();
    stop.abort();
    expect(await reading).toEqual([]);
  });

  test('old segments are dropped as whole files', async ({ expect }) => {
    using logs = hub({ segmentBytes: 200, keepSegments: 2 });
    for (let i = 0; i < 50; i++) {
      logs.sink(a).write('stdout', Buffer.from(`line ${i}\n`));
      await turn();
    }
    expect(readdirSync(dir)).toHaveLength(2);
    const kept = await collect(logs.read(all, never));
    expect(kept.at(-1)).toBe('a#1 stdout line 49');
    expect(kept.length).toBeLessThan(50);
  });

  test('a new hub goes on where the old one ended and knows where each instance was', async ({ expect }) => {
    {
      using first = hub();
      first.sink(a).write('stdout', Buffer.from('old\n'), 1000);
      first.sink(a).system('a line of ours is no output of the instance');
    }
    using second = hub();
    expect(second.seq).toBe(2);
    expect(second.lastAt(a)).toBe(1000);
    second.sink(a).write('stdout', Buffer.from('new\n'));
    expect(await collect(second.read({ ...all, after: 2 }, never))).toEqual(['a#1 stdout new']);
  });

  test('a line that a crash cut off is passed over', async ({ expect }) => {
    {
      using first = hub();
      first.sink(a).write('stdout', Buffer.from('whole\n'));
    }
    appendFileSync(join(dir, '000000000001.ndjson'), '{"seq":2,"at":1,"id":"a#1"\n');
    using second = hub();
    second.sink(a).write('stdout', Buffer.from('after\n'));
    expect(await collect(second.read(all, never))).toEqual(['a#1 stdout whole', 'a#1 stdout after']);
  });

  test('a line that a crash cut off does not spoil the next one, also when it would have begun a segment', async ({
    expect,
  }) => {
    writeFileSync(join(dir, '000000000001.ndjson'), '{"seq":1,"at":1,"id":"a#1","stream":"stdout","te');
    using logs = hub();
    logs.sink(a).write('stdout', Buffer.from('after\n'));
    expect(await collect(logs.read(all, never))).toEqual(['a#1 stdout after']);
  });

  test('a cleared log is empty, its numbers go on, and who follows it goes on too', async ({ expect }) => {
    using logs = hub();
    logs.sink(a).write('stdout', Buffer.from('old\n'), 1000);
    const following = collect(logs.read({ ...all, follow: true }, never), 2);
    await turn();
    logs.clear();
    expect(await collect(logs.read(all, never))).toEqual([]);
    expect(logs.lastAt(a)).toBeUndefined();
    logs.sink(a).write('stdout', Buffer.from('new\n'));
    expect(await collect(logs.read({ ...all, after: 1 }, never))).toEqual(['a#1 stdout new']);
    expect(await following).toEqual(['a#1 stdout old', 'a#1 stdout new']);
  });

  test('a directory that somebody removed is made again', async ({ expect }) => {
    using logs = hub();
    rmSync(dir, { recursive: true });
    logs.sink(a).write('stdout', Buffer.from('kept\n'));
    expect(await collect(logs.read(all, never))).toEqual(['a#1 stdout kept']);
  });

  test('lines that cannot be written are lost, told once, and writing goes on when it can', async ({ expect }) => {
    const told: unknown[] = [];
    using logs = new LogHub({ dir, now: () => 1, segmentBytes: 1, onError: (error) => told.push(error) });
    rmSync(dir, { recursive: true });
    writeFileSync(dir, 'in the way');
    for (const text of ['one\n', 'two\n']) {
      logs.sink(a).write('stdout', Buffer.from(text));
      await turn();
    }
    expect(told).toHaveLength(1);
    rmSync(dir);
    logs.sink(a).write('stdout', Buffer.from('three\n'));
    expect(await collect(logs.read(all, never))).toEqual(['a#1 stdout three']);
  });
});
