import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { test } from 'vitest';

import { LogHub } from '../../src/logs/hub.ts';
import { instanceId } from '../../src/model/ids.ts';

const WRITERS = 8;
const CHUNKS = 400;
const LINES_IN_CHUNK = 5;
const LINES = WRITERS * CHUNKS * LINES_IN_CHUNK;

test('many writers and readers of one log at once: nobody misses a line or gets it twice, whatever its pace', async ({
  expect,
}) => {
  const dir = mkdtempSync(join(tmpdir(), 'wcompose-hammer-'));
  using _directory = { [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
  // Small segments, none dropped: readers cross hundreds of boundaries.
  using hub = new LogHub({ dir, now: () => 0, segmentBytes: 16 * 1024, keepSegments: 10_000 });
  const end = new AbortController();

  const read = async (turns: number): Promise<readonly number[]> => {
    const seen: number[] = [];
    for await (const records of hub.read({ services: [], after: 0, follow: true }, end.signal)) {
      seen.push(...records.map((record) => record.seq));
      if (seen.length >= LINES) break;
      for (let waited = 0; waited < turns; waited++) await turn();
    }
    return seen;
  };
  const write = async (writer: number): Promise<void> => {
    const sink = hub.sink(instanceId(`writer-${writer}`, 1));
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
      const lines = Array.from({ length: LINES_IN_CHUNK }, (_, line) => `${chunk}.${line}\n`).join('');
      // Cut where no line ends.
      sink.write('stdout', Buffer.from(lines.slice(0, 3)));
      sink.write('stdout', Buffer.from(lines.slice(3)));
      if (chunk % (writer + 1) === 0) await turn();
    }
  };

  const readers = [0, 1, 7].map(read);
  await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => await write(writer)));
  const late = read(0);
  const expected = Array.from({ length: LINES }, (_, at) => at + 1);
  for (const reader of [...readers, late]) expect(await reader).toEqual(expected);

  // Each writer's lines are whole and in its order.
  const texts = new Map<string, string[]>();
  for await (const records of hub.read({ services: [], after: 0, follow: false }, end.signal)) {
    for (const { id, text } of records) {
      const own = texts.get(id) ?? [];
      own.push(text);
      texts.set(id, own);
    }
  }
  const written = Array.from({ length: CHUNKS * LINES_IN_CHUNK }, (_, at) => {
    const chunk = Math.floor(at / LINES_IN_CHUNK);
    return `${chunk}.${at % LINES_IN_CHUNK}`;
  });
  expect([...texts.values()]).toEqual(Array.from({ length: WRITERS }, () => written));
});

test('readers that leave in the middle leave nothing behind that a write would wake', async ({ expect }) => {
  const dir = mkdtempSync(join(tmpdir(), 'wcompose-hammer-'));
  using _directory = { [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
  using hub = new LogHub({ dir, now: () => 0 });
  const sink = hub.sink(instanceId('writer', 1));
  let left = 0;
  for (let round = 0; round < 200; round++) {
    const leave = new AbortController();
    const reader = (async () => {
      for await (const _records of hub.read({ services: [], after: hub.seq, follow: true }, leave.signal));
      left++;
    })();
    if (round % 2 === 0) sink.write('stdout', Buffer.from(`${round}\n`));
    if (round % 3 === 0) await turn();
    leave.abort();
    await reader;
  }
  expect(left).toBe(200);
});
