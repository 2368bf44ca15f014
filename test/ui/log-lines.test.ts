import { describe, test } from 'vitest';

import type { LogRecord } from '../../src/logs/record.ts';
import { instanceId } from '../../src/model/ids.ts';
import { LogLines } from '../../src/ui/log-lines.ts';
import type { Output } from '../../src/ui/output.ts';

function output(interactive: boolean): Output {
  return {
    out: () => {},
    err: () => {},
    interactive,
    style: (format, text) => (interactive ? `<${String(format)}>${text}</>` : text),
  };
}

function record(service: string, text: string, over: Partial<LogRecord> = {}): LogRecord {
  return { seq: 1, at: 0, id: instanceId(service, 1), stream: 'stdout', text, ...over };
}

const plain = { prefix: true, timestamps: false, names: [] };

describe('log lines', () => {
  test('pad to the longest name known so far; earlier lines keep their width', ({ expect }) => {
    const lines = new LogLines(output(false), plain);
    const text = [record('db', 'a'), record('backend', 'b'), record('db', 'c')]
      .map((one) => lines.format(one))
      .join('');
    expect(text).toBe('db-1  | a\nbackend-1  | b\ndb-1       | c\n');
  });

  test('names known beforehand set the width', ({ expect }) => {
    const lines = new LogLines(output(false), { ...plain, names: ['backend-1'] });
    expect(lines.format(record('db', 'a'))).toBe('db-1       | a\n');
  });

  test('a colour per service, in the order of docker compose', ({ expect }) => {
    const lines = new LogLines(output(true), plain);
    const text = [record('a', '1'), record('b', '2'), record('a', '3')].map((one) => lines.format(one)).join('');
    expect(text).toBe('<cyan>a-1  | </>1\n<yellow>b-1  | </>2\n<cyan>a-1  | </>3\n');
  });

  test('timestamps, no prefix, and lines of ours', ({ expect }) => {
    const timed = new LogLines(output(false), { prefix: false, timestamps: true, names: [] });
    expect(timed.format(record('a', 'x'))).toBe('1970-01-01T00:00:00.000Z x\n');
    const lines = new LogLines(output(false), plain);
    expect(lines.format(record('a', 'exited with code 1', { stream: 'system' }))).toBe('a-1 exited with code 1\n');
  });

  const hostile: readonly (readonly [string, string, string])[] = [
    ['colours stay', '\u001b[31mred\u001b[0m', '\u001b[31mred\u001b[0m'],
    ['clearing the screen is shown, not done', '\u001b[2Jx', '␛[2Jx'],
    ['a clipboard write is shown, not done', '\u001b]52;c;aGk=\u0007', '␛]52;c;aGk=␇'],
    ['a carriage return cannot overwrite the prefix', 'a\rb', 'a␍b'],
    ['one-byte control codes go', '\u009b2Jx', '\u{fffd}2Jx'],
    ['tabs stay', 'a\tb', 'a\tb'],
  ];
  for (const [name, given, shown] of hostile) {
    test(`on a terminal: ${name}`, ({ expect }) => {
      expect(new LogLines(output(true), { ...plain, prefix: false }).format(record('a', given))).toBe(`${shown}\n`);
    });
    test(`in a pipe: ${name} does not apply`, ({ expect }) => {
      expect(new LogLines(output(false), { ...plain, prefix: false }).format(record('a', given))).toBe(`${given}\n`);
    });
  }
});
