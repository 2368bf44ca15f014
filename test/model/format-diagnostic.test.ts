import { describe, test } from 'vitest';

import { WcError } from '../../src/model/diagnostic.ts';
import { formatError, formatWarning } from '../../src/model/format-diagnostic.ts';

function at(column: number, sourceLine: string, hint?: string): WcError {
  const source = { file: 'compose.yaml', line: 4, column, path: 'services.web' };
  return new WcError('ERR_COMPOSE_INVALID', 'is wrong', { source, sourceLine, hint });
}

describe('an error as a person reads it', () => {
  test('place, line, caret and hint', ({ expect }) => {
    expect(formatError(at(5, '    imagee: nginx', 'did you mean "image"?'))).toMatchInlineSnapshot(`
      "compose.yaml:4:5: is wrong [ERR_COMPOSE_INVALID]

          imagee: nginx
          ^
        did you mean "image"?"
    `);
  });

  test('without a place', ({ expect }) => {
    expect(formatError(new WcError('ERR_USAGE', 'no'))).toBe('no [ERR_USAGE]');
  });

  test('a long line is cut at both ends, and the caret stays under what is meant', ({ expect }) => {
    const line = `${'a'.repeat(100)}X${'b'.repeat(100)}`;
    const [, , excerpt = '', caret = ''] = formatError(at(101, line)).split('\n');
    expect(excerpt).toHaveLength(80);
    expect(excerpt.startsWith('…') && excerpt.endsWith('…')).toBe(true);
    expect(excerpt[caret.indexOf('^')]).toBe('X');
  });

  for (const column of [1, 79, 80, 81, 150, 201]) {
    test(`the caret of column ${column} of 201 is right`, ({ expect }) => {
      const line = Array.from({ length: 201 }, (_unused, index) => (index === column - 1 ? 'X' : '.')).join('');
      const [, , excerpt = '', caret = ''] = formatError(at(column, line)).split('\n');
      expect(excerpt.length).toBeLessThanOrEqual(80);
      expect(excerpt[caret.indexOf('^')]).toBe('X');
    });
  }

  test('a warning', ({ expect }) => {
    expect(formatWarning({ message: 'old' })).toBe('Warning: old');
  });
});
