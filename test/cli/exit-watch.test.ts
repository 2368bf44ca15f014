import { describe, test } from 'vitest';

import { applyScales } from '../../src/cli/scale.ts';
import { checkExitFrom, ExitWatch } from '../../src/cli/exit-watch.ts';
import { container, project } from '../plan/fixtures.ts';

describe('what the end of an instance means', () => {
  test.for([
    ['nothing without a flag', {}, [['a', 1]], [false], undefined],
    [
      '--abort-on-container-exit: the first ends all, with 0',
      { abortOnContainerExit: true },
      [['a', 3]],
      [true],
      undefined,
    ],
    [
      '--abort-on-container-failure: not one that succeeds',
      { abortOnContainerFailure: true },
      [
        ['a', 0],
        ['b', 4],
      ],
      [false, true],
      4,
    ],
    [
      '--exit-code-from: another ends all, the status is of this one',
      { exitCodeFrom: 'b' },
      [
        ['a', 1],
        ['b', 143],
      ],
      [true, true],
      143,
    ],
    [
      '--exit-code-from: its first status',
      { exitCodeFrom: 'b' },
      [
        ['b', 0],
        ['b', 5],
      ],
      [true, true],
      0,
    ],
  ] as const)('%s', ([, options, exits, aborts, code], { expect }) => {
    const watch = new ExitWatch(options);
    expect(exits.map(([service, status]) => watch.take(service, status))).toEqual(aborts);
    expect(watch.code).toBe(code);
  });

  test('the status of a service that is not there cannot be had', ({ expect }) => {
    expect(() => checkExitFrom({ exitCodeFrom: 'x' }, ['a'])).toThrow('no such service: x');
  });
});

describe('numbers of replicas', () => {
  const both = project([container('a'), container('b', { containerName: 'fixed' })]);
  test('the last one counts; none is a number too', ({ expect }) => {
    expect(applyScales(both, ['a=2', 'a=3', 'b=0']).services).toMatchObject({ a: { replicas: 3 }, b: { replicas: 0 } });
  });
  test.for([
    ['a', 'not a scale: a'],
    ['a=x', 'not a scale: a=x'],
    ['x=1', 'no such service: x'],
    ['b=2', 'b cannot have 2 replicas'],
  ] as const)('%s', ([entry, message], { expect }) => {
    expect(() => applyScales(both, [entry])).toThrow(message);
  });
});
