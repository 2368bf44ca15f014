import { describe, test } from 'vitest';

import { LogFrames, parseTime, sinceText, toMs } from '../../../src/runtime/container/log-frames.ts';

const TIME = '2026-01-02T03:04:05.123456789Z';
const LATER = '2026-01-02T03:04:05.123456790Z';

function frame(stream: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

function read(tty: boolean, chunks: readonly Uint8Array[], end = true): readonly string[] {
  const seen: string[] = [];
  const frames = new LogFrames({
    tty,
    line: (line) => seen.push(`${line.stream} ${line.time.nanos} ${Buffer.from(line.text).toString()}`),
    trouble: (text) => seen.push(`trouble ${text}`),
  });
  for (const chunk of chunks) frames.push(chunk);
  if (end) frames.end();
  return seen;
}

/** Every way to cut into two, and byte by byte. */
function cuts(data: Buffer): readonly (readonly Uint8Array[])[] {
  const halves = Array.from(data, (_, at) => [data.subarray(0, at), data.subarray(at)]);
  return [...halves, Array.from(data, (byte) => Uint8Array.of(byte))];
}

describe('log of a container without a TTY', () => {
  const data = Buffer.concat([frame(1, `${TIME} out\n`), frame(2, `${LATER} err ö\n`), frame(1, `${LATER} \n`)]);
  const expected = ['stdout 123456789 out\n', 'stderr 123456790 err ö\n', 'stdout 123456790 \n'];

  test('lines of both streams, however the chunks are cut', ({ expect }) => {
    for (const chunks of cuts(data)) expect(read(false, chunks)).toEqual(expected);
  });

  test('what is left of a broken connection is no line', ({ expect }) => {
    expect(read(false, [data.subarray(0, -1)])).toEqual(expected.slice(0, 2));
  });

  test('pieces of a long line come one by one', ({ expect }) => {
    const pieces = [frame(1, `${TIME} ${'a'.repeat(16_384)}`), frame(1, `${LATER} b\n`)];
    expect(read(false, pieces)).toEqual([`stdout 123456789 ${'a'.repeat(16_384)}`, 'stdout 123456790 b\n']);
  });

  test("the Engine's own error in the stream is told as such", ({ expect }) => {
    expect(read(false, [frame(3, 'Error grabbing logs: EOF\n')])).toEqual(['trouble Error grabbing logs: EOF']);
  });
});

describe('log of a container with a TTY', () => {
  const data = Buffer.from(`${TIME} one\r\n${LATER} two ö\r\n`);
  const expected = ['stdout 123456789 one\r\n', 'stdout 123456790 two ö\r\n'];

  test('lines, however the chunks are cut', ({ expect }) => {
    for (const chunks of cuts(data)) expect(read(true, chunks)).toEqual(expected);
  });

  test('a last line without an end comes at the end of the stream, and not before', ({ expect }) => {
    const open = Buffer.from(`${TIME} prompt> `);
    expect(read(true, [open])).toEqual(['stdout 123456789 prompt> ']);
    expect(read(true, [open], false)).toEqual([]);
  });

  test('the pieces of a long line are parted where the next time stands', ({ expect }) => {
    const long = 'a'.repeat(16_384);
    const text = Buffer.from(`${TIME} ${long}${LATER} ${long}${LATER} tail\r\n`);
    expect(read(true, [text])).toEqual([
      `stdout 123456789 ${long}`,
      `stdout 123456790 ${long}`,
      'stdout 123456790 tail\r\n',
    ]);
  });
});

describe('times of log lines', () => {
  test('keep their nanoseconds', ({ expect }) => {
    expect(parseTime(TIME)).toEqual({ seconds: 1_767_323_045, nanos: 123_456_789 });
  });

  test('with a zone and a shorter fraction, as Podman writes them', ({ expect }) => {
    expect(parseTime('2026-01-02T04:04:05.5+01:00')).toEqual({ seconds: 1_767_323_045, nanos: 500_000_000 });
  });

  test('anything else is no time', ({ expect }) => {
    expect([parseTime(''), parseTime('hello'), parseTime('2026-99-02T03:04:05Z')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('become milliseconds, and what `since` takes, and never later than they were', ({ expect }) => {
    const time = parseTime(TIME);
    const ms = time === undefined ? 0 : toMs(time);
    expect(ms).toBeCloseTo(1_767_323_045_123.4568, 3);
    expect(sinceText(ms)).toMatch(/^1767323045\.12345\d{4}$/);
    expect(Number(sinceText(ms).split('.')[1])).toBeLessThanOrEqual(123_456_789);
  });
});
