import { describe, test } from 'vitest';

import { parseTemplate, substitute, TemplateError } from '../../src/compose/template.ts';

const VALUES: Readonly<Record<string, string>> = { A: 'a', EMPTY: '', B_1: 'b' };

function fill(text: string, unset: string[] = []): string {
  return substitute(
    text,
    (name) => VALUES[name],
    (name) => unset.push(name),
  );
}

describe('variables in a text', () => {
  for (const [text, expected] of [
    ['no variable', 'no variable'],
    ['$A', 'a'],
    ['${A}', 'a'],
    ['$A-$B_1!', 'a-b!'],
    ['$A_', ''],
    ['$$A', '$A'],
    ['$$$A', '$a'],
    ['5$', '5$'],
    ['$5 $. $-', '$5 $. $-'],
    ['${EMPTY-x}', ''],
    ['${EMPTY:-x}', 'x'],
    ['${NONE-x}', 'x'],
    ['${A+x}', 'x'],
    ['${EMPTY+x}', 'x'],
    ['${EMPTY:+x}', ''],
    ['${NONE+x}', ''],
    ['${EMPTY?gone}', ''],
    ['${NONE:-${EMPTY:-${A}}}', 'a'],
    ['${NONE:-a:-b}', 'a:-b'],
    ['${NONE:-{"k":{}}}', '{"k":{}}'],
    ['${NONE:-}', ''],
  ] as const) {
    test(text, ({ expect }) => {
      expect(fill(text)).toBe(expected);
    });
  }

  for (const text of ['${', '${}', '${ A}', '${A }', '${A!b}', '${A:b}', '${A', '${A:-x', '${1}']) {
    test(`${text} is no template`, ({ expect }) => {
      expect(() => fill(text)).toThrow(TemplateError);
    });
  }

  test('only variables that are looked at are told of', ({ expect }) => {
    const unset: string[] = [];
    expect(fill('$GONE ${A:-$UNUSED} ${NONE:-$ALSO_GONE}', unset)).toBe(' a ');
    expect(unset).toEqual(['GONE', 'ALSO_GONE']);
  });

  test('the reason of a required variable may have variables itself', ({ expect }) => {
    expect(() => fill('${NONE:?say $A}')).toThrow('required variable NONE is missing a value: say a');
    expect(() => fill('${EMPTY:?}')).toThrow('required variable EMPTY is missing a value');
  });

  test('parts keep their words as they are', ({ expect }) => {
    expect(parseTemplate('x${A:-$B}y')).toEqual([
      { literal: 'x' },
      { name: 'A', operator: ':-', word: '$B' },
      { literal: 'y' },
    ]);
  });
});
