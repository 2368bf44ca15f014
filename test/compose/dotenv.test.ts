import { describe, test } from 'vitest';

import { parseDotenv, parseRawEnv } from '../../src/compose/dotenv.ts';

const caller: Readonly<Record<string, string>> = { CALLER: 'c' };
const lookup = (name: string): string | undefined => caller[name];

describe('env files', () => {
  for (const [what, text, expected] of [
    ['plain', 'A=1\nB = 2 \n', { A: '1', B: '2' }],
    ['export and colon', 'export A=1\nB: 2\n', { A: '1', B: '2' }],
    ['a comment needs a space before it', 'A=a#b\nB=a #b\n# C=1\n', { A: 'a#b', B: 'a' }],
    ['single quotes are literal', String.raw`A='$CALLER \n'`, { A: String.raw`$CALLER \n` }],
    ['double quotes have escapes', String.raw`A="a\n\t\$B\"\0101"`, { A: 'a\n\t$B"A' }],
    ['quotes over several lines', 'A="one\ntwo" # end\nB=3', { A: 'one\ntwo', B: '3' }],
    ['lines above are seen', 'A=1\nB=$A-${CALLER}-${NONE:-d}', { A: '1', B: '1-c-d' }],
    ['the caller wins over lines above', 'CALLER=file\nB=$CALLER', { CALLER: 'file', B: 'c' }],
    ['a name alone is taken from the caller', 'CALLER\nNONE\nA=1', { CALLER: 'c', A: '1' }],
    ['a name alone at the end', 'A=1\nCALLER', { A: '1', CALLER: 'c' }],
    ['byte order mark and Windows lines', '\uFEFFA=1\r\nB="2"\r\n', { A: '1', B: '2' }],
    ['later lines win', 'A=1\nA=2', { A: '2' }],
    ['empty', 'A=\nB=""\n\n\n', { A: '', B: '' }],
    ['names with dots, dashes and brackets', 'a.b-c[0]=1', { 'a.b-c[0]': '1' }],
    ['nothing but comments', '# a\n   # b', {}],
  ] as const) {
    test(what, ({ expect }) => {
      expect(Object.fromEntries(parseDotenv(text, lookup))).toEqual(expected);
    });
  }

  for (const [text, message] of [
    ['A=1\nB C=2', 'line 2: key cannot contain a space'],
    ['\n\n$A=1', 'line 3: unexpected character "$" in variable name "$A=1"'],
    ['A=1\n\nB="x\ny', 'line 3: unterminated quoted value "x'],
    ["A='x", "line 1: unterminated quoted value 'x"],
    ['A=${', 'line 1: invalid template: "${"'],
    ['A=${B:?why}', 'required variable B is missing a value: why'],
  ] as const) {
    test(message, ({ expect }) => {
      expect(() => parseDotenv(text, lookup)).toThrow(message);
    });
  }

  test('files before are seen after the lines above', ({ expect }) => {
    const earlier = new Map([
      ['A', 'earlier'],
      ['B', 'earlier'],
    ]);
    expect(Object.fromEntries(parseDotenv('A=own\nC=$A-$B', lookup, earlier))).toEqual({ A: 'own', C: 'own-earlier' });
  });

  test('raw: no quotes, no variables, no comments after values', ({ expect }) => {
    const found = parseRawEnv('# c\nA="$B" # kept\nCALLER\nNONE\n', lookup);
    expect(Object.fromEntries(found)).toEqual({ A: '"$B" # kept', CALLER: 'c' });
    expect(() => parseRawEnv('A=1\nB C=2', lookup)).toThrow('line 2');
  });
});
