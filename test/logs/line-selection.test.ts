import { describe, test } from 'vitest';

import { LineSelection } from '../../src/logs/line-selection.ts';
import type { LogQuery } from '../../src/logs/query.ts';

const all: LogQuery = { services: [], after: 0, follow: false };

function line(seq: number, id: string, text = `${seq}`, end = '}'): string {
  return `{"seq":${seq},"at":1.5,"id":"${id}","stream":"stdout","text":${JSON.stringify(text)}${end}`;
}

function select(query: LogQuery, lines: readonly string[]): readonly string[] {
  const pieces = new LineSelection(query).from(Buffer.from(lines.map((one) => `${one}\n`).join('')));
  return pieces.map((piece) => piece.toString());
}

describe('choosing lines of the store by their bytes', () => {
  const [one, two, three] = [line(1, 'a#1'), line(2, 'b#1'), line(3, 'a#2')];
  const table: readonly (readonly [string, LogQuery, readonly string[], readonly string[]])[] = [
    ['all of them come in one piece', all, [one, two, three], [`${one}\n${two}\n${three}\n`]],
    ['those before a number are left out', { ...all, after: 2 }, [one, two, three], [`${three}\n`]],
    [
      'those of other services are left out',
      { ...all, services: ['a'] },
      [one, two, three],
      [`${one}\n`, `${three}\n`],
    ],
    ['a service is not one whose name begins like it', { ...all, services: ['ab'] }, [one], []],
    ['a line that a crash cut off is left out', all, [one, one.slice(0, 30), two], [`${one}\n`, `${two}\n`]],
    ['a line of something else is left out', all, ['{"x":"y"}', one], [`${one}\n`]],
    ['a line comes once', all, [two, one, two, three], [`${two}\n`, `${three}\n`]],
    [
      'a part of a line is a line',
      all,
      [line(4, 'a#1', 'x', ',"partial":true}')],
      [`${line(4, 'a#1', 'x', ',"partial":true}')}\n`],
    ],
    ['a text may look like a record', { ...all, services: ['c'] }, [line(5, 'a#1', '"id":"c#1"')], []],
  ];
  for (const [name, query, lines, expected] of table) {
    test(name, ({ expect }) => {
      expect(select(query, lines)).toEqual(expected);
    });
  }
});
