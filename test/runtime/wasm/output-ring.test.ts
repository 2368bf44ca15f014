import { describe, test } from 'vitest';

import { createRing, RingReader, RingWriter } from '../../../src/runtime/wasm/output-ring.ts';

function open(): { writer: RingWriter; reader: RingReader; calls: () => number; drain: () => string[] } {
  const ring = createRing();
  const reader = new RingReader(ring);
  let calls = 0;
  const writer = new RingWriter(ring, () => calls++);
  const drain = (): string[] => {
    const seen: string[] = [];
    reader.drain((stream, bytes) => seen.push(`${stream}: ${Buffer.from(bytes).toString()}`));
    return seen;
  };
  return { writer, reader, calls: () => calls, drain };
}

describe('output of a guest on its way to the main thread', () => {
  test('comes in the order of both streams', ({ expect }) => {
    const { writer, drain } = open();
    writer.write('stdout', Buffer.from('a'));
    writer.write('stderr', Buffer.from('b'));
    writer.write('system', Buffer.from('c'));
    expect(drain()).toEqual(['stdout: a', 'stderr: b', 'system: c']);
    expect(drain()).toEqual([]);
  });

  test('writes to one stream come together, lines of our own do not', ({ expect }) => {
    const { writer, drain } = open();
    for (const text of ['a', 'b']) writer.write('stdout', Buffer.from(text));
    for (const text of ['c', 'd']) writer.write('system', Buffer.from(text));
    writer.write('stdout', Buffer.from('e'));
    expect(drain()).toEqual(['stdout: ab', 'system: c', 'system: d', 'stdout: e']);
  });

  test('calls the reader once until it rests', ({ expect }) => {
    const { writer, reader, drain, calls } = open();
    for (let i = 0; i < 5; i++) writer.write('stdout', Buffer.from('x'));
    expect(calls()).toBe(1);
    drain();
    writer.write('stdout', Buffer.from('y'));
    expect(calls()).toBe(1);
    reader.rest();
    writer.write('stdout', Buffer.from('z'));
    expect(calls()).toBe(2);
    expect(drain()).toEqual(['stdout: yz']);
  });

  test('calls a reader that does not rest when the ring is half full, once', ({ expect }) => {
    const { writer, drain, calls } = open();
    for (let i = 0; i < 9; i++) writer.write('stdout', Buffer.alloc(20_000));
    expect(calls()).toBe(2);
    drain();
    writer.write('stdout', Buffer.from('x'));
    expect(calls()).toBe(2);
  });

  test('says whether there was anything', ({ expect }) => {
    const { writer, reader } = open();
    expect(reader.drain(() => undefined)).toBe(false);
    writer.write('stdout', Buffer.from('x'));
    expect(reader.drain(() => undefined)).toBe(true);
  });

  test('is whole wherever the end of the ring cuts it', ({ expect }) => {
    const { writer, drain } = open();
    for (let round = 0; round < 40; round++) {
      const text = String(round).repeat(20_000 + round);
      writer.write('stdout', Buffer.from(text));
      expect(drain().join('').replaceAll('stdout: ', '')).toBe(text);
    }
  });

  test('a chunk larger than the ring comes in pieces, read while it is written', ({ expect }) => {
    const ring = createRing();
    const reader = new RingReader(ring);
    const pieces: Uint8Array[] = [];
    const writer = new RingWriter(ring, () => reader.drain((_stream, bytes) => pieces.push(bytes)));
    const bytes = Buffer.alloc(3_000_000, 'abc');
    writer.write('stdout', bytes);
    reader.drain((_stream, piece) => pieces.push(piece));
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  test('tells how much is owed at any time', ({ expect }) => {
    const { writer, reader } = open();
    writer.owed = 3;
    expect(reader.owed).toBe(3);
  });
});
