import { describe, test } from 'vitest';

import { complete } from '../../src/cli/completion/complete.ts';
import { programOnly } from './program.ts';

const NAMES = { services: ['web', 'worker', 'db'], profiles: ['debug', 'test'] } as const;

/** The words, and what the last of them may become; `+files` where the shell adds files. */
const CASES: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
  [['sta'], ['start', 'stats']],
  [['-f', 'other.yaml', 'pau'], ['pause']],
  [['--pro'], ['--project-name', '--project-directory', '--profile']],
  [
    ['--profile', ''],
    ['debug', 'test'],
  ],
  [['--profile=t'], ['--profile=test']],
  [['--file', ''], ['+files']],
  [['--file='], ['+files']],
  [['--project-directory', ''], ['+directories']],
  [
    ['up', ''],
    ['web', 'worker', 'db'],
  ],
  [['up', 'web', 'w'], ['worker']],
  [['up', '--no-b'], ['--no-build']],
  [
    ['up', '--pull', ''],
    ['always', 'missing', 'never', 'policy'],
  ],
  [['ps', '--format=j'], ['--format=json']],
  [['logs', '--tail', ''], []],
  [['logs', '--', '-'], []],
  [
    ['exec', 'w'],
    ['web', 'worker'],
  ],
  [['exec', 'web', ''], ['+files']],
  [['exec', 'web', '--for'], ['+files']],
  [['scale', 'd'], ['db=']],
  [['help', 'sca'], ['scale']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [
    ['inspect-module', 'd'],
    ['db', '+files'],
  ],
  [['nonsense', ''], []],
];

describe('what a shell offers', () => {
  test.for(CASES)('after %j', async ([words, expected], { expect }) => {
    const { candidates, files } = await complete(
      programOnly(),
      words,
      async (kind) => await Promise.resolve(NAMES[kind]),
    );
    expect([...candidates.map(({ value }) => value), ...(files === 'none' ? [] : [`+${files}`])]).toEqual(expected);
  });

  test('names come from the file that the words choose', async ({ expect }) => {
    const asked: unknown[] = [];
    await complete(programOnly(), ['-f', 'a.yaml', '--profile', 'x', 'up', '--build', ''], async (...question) => {
      asked.push(question);
      return await Promise.resolve([]);
    });
    expect(asked).toEqual([['services', ['-f', 'a.yaml', '--profile', 'x']]]);
  });
});
