import { describe, test } from 'vitest';

import { LineSplitter } from '../../src/util/line-splitter.ts';

function split(chunks: readonly (string | Uint8Array)[], limit?: number): readonly string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line.partial ? `${line.text}…` : line.text), limit);
  for (const chunk of chunks) splitter.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  splitter.flush();
  return lines;
}

const euro = Buffer.from('€');

describe('line splitter', () => {
  const table: readonly (readonly [string, readonly (string | Uint8Array)[], readonly string[]])[] = [
    ['nothing', [], []],
    ['one line', ['a\n'], ['a']],
    ['an empty line', ['\n'], ['']],
    ['several lines in one chunk', ['a\nb\n'], ['a', 'b']],
    ['a line over several chunks', ['a', 'b', 'c\n'], ['abc']],
    ['a line that is not ended', ['a\nb'], ['a', 'b…']],
    ['carriage returns before the end go', ['a\r\n\r\n'], ['a', '']],
    ['a character split over two chunks', [euro.subarray(0, 1), euro.subarray(1), '\n'], ['€']],
    ['bytes that are not UTF-8', [Uint8Array.of(0xff, 0x0a)], ['\u{fffd}']],
    ['NUL is a character like any other', ['a\0b\n'], ['a\0b']],
  ];
  for (const [name, chunks, lines] of table) {
    test(name, ({ expect }) => {
      expect(split(chunks)).toEqual(lines);
    });
  }

  test('a line longer than the limit is cut and marked', ({ expect }) => {
    expect(split(['abcdefgh', 'ij\nk\n'], 4)).toEqual(['abcd…', 'efgh…', 'ij', 'k']);
  });

  test('lines up to the limit stay whole, whatever is cut with them', ({ expect }) => {
    const lines = ['abcd', 'efgh…', '', 'ij', 'abcd…', 'e', 'k', 'lm', 'abcd…'];
    expect(split(['abcd\nefgh\r\nij\nabcde\nk\nl', 'm\nabcd'], 4)).toEqual(lines);
  });

  test('keeps a copy: the caller may reuse its chunk', ({ expect }) => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line.text));
    const chunk = Buffer.from('abc');
    splitter.push(chunk);
    chunk.fill('x');
    splitter.push(Buffer.from('\n'));
    expect(lines).toEqual(['abc']);
  });
});
