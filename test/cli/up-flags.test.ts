import { Command } from 'commander';
import { describe, test } from 'vitest';

import { attachedServices } from '../../src/cli/attached-services.ts';
import { orphanPolicy } from '../../src/cli/orphans.ts';
import { withPullPolicy } from '../../src/cli/pull-policy.ts';
import { addCreateFlags, addUpFlags, checkUpFlags } from '../../src/cli/up-flags.ts';
import type { UpOptions } from '../../src/cli/up-flags.ts';
import { container, needs, project, wasm } from '../plan/fixtures.ts';

function read(...args: readonly string[]): UpOptions {
  const command = addUpFlags(addCreateFlags(new Command('up').exitOverride()));
  return command.parse(args, { from: 'user' }).opts<UpOptions>();
}

describe('flags of up', () => {
  test.for([
    ['--build --no-build', '--build and --no-build are incompatible'],
    ['--no-recreate -V', '--renew-anon-volumes and --no-recreate are incompatible'],
    ['--force-recreate --no-recreate', '--force-recreate and --no-recreate are incompatible'],
    ['--always-recreate-deps --no-recreate', '--always-recreate-deps and --no-recreate are incompatible'],
    [
      '--abort-on-container-exit --abort-on-container-failure',
      '--abort-on-container-exit and --abort-on-container-failure are incompatible',
    ],
    [
      '--exit-code-from a --abort-on-container-failure',
      '--exit-code-from and --abort-on-container-failure are incompatible',
    ],
    ['--attach a --attach-dependencies', 'cannot combine --attach and --attach-dependencies'],
    ['-d --attach a', '--detach cannot be combined with --abort-on-container-exit'],
    ['--wait --attach-dependencies', '--wait cannot be combined with'],
    ['--no-start --exit-code-from a', '--no-start cannot be combined with'],
    ['--dry-run --abort-on-container-failure', '--dry-run cannot be combined with'],
    ['--wait-timeout 3', '--wait-timeout needs --wait'],
  ] as const)('%s contradict each other', ([args, message], { expect }) => {
    expect(() => checkUpFlags(read(...args.split(' ')))).toThrow(message);
  });

  test('what goes together', ({ expect }) => {
    const options = read(
      ...'--attach a --attach b --no-attach c -t 2 --no-color --pull never --quiet-pull -y --menu=false -V'.split(' '),
    );
    expect(() => checkUpFlags(options)).not.toThrow();
    expect(options).toMatchObject({
      attach: ['a', 'b'],
      noAttach: ['c'],
      timeout: 2,
      noColor: true,
      pull: 'never',
      quietPull: true,
      yes: true,
      renewAnonVolumes: true,
    });
  });

  test('without a flag nothing is decided', ({ expect }) => {
    expect(read()).toEqual({ pull: 'policy' });
  });
});

describe('which services an up in the foreground follows', () => {
  const web = container('web', { dependsOn: [needs('api')] });
  const all = project([web, wasm('api', { dependsOn: [needs('db')] }), container('db', { attach: false })]);

  test.for([
    ['all, but not one with attach: false', [], {}, ['web', 'api']],
    ['the named one without its dependencies', ['web'], {}, ['web']],
    ['--attach-dependencies', ['web'], { attachDependencies: true }, ['web', 'api']],
    ['--no-attach', [], { noAttach: ['api'] }, ['web']],
    ['--attach also one with attach: false', [], { attach: ['db'] }, ['db']],
  ] as const)('%s', ([, services, options, expected], { expect }) => {
    expect(attachedServices(all, services, options)).toEqual(expected);
  });

  test('one that is not there', ({ expect }) => {
    expect(() => attachedServices(all, [], { attach: ['x'] })).toThrow(
      'cannot attach to services not included in up: x',
    );
    expect(() => attachedServices(all, [], { noAttach: ['y'] })).toThrow('not included in up: y');
  });
});

test('one pull policy for all images; modules have none', ({ expect }) => {
  const all = project([container('a'), wasm('b')]);
  expect(withPullPolicy(all, 'policy')).toBe(all);
  expect(withPullPolicy(all, 'always').services).toMatchObject({ a: { pullPolicy: 'always' } });
  expect(withPullPolicy(all, 'always').services['b']).not.toHaveProperty('pullPolicy');
});

test('orphans: the flag, and the variables of docker compose', ({ expect }) => {
  const given =
    (variables: Readonly<Record<string, string>>) =>
    (name: string): string | undefined =>
      variables[name];
  expect(orphanPolicy(true, given({}))).toEqual({ removeOrphans: true, ignoreOrphans: false });
  expect(orphanPolicy(false, given({ COMPOSE_REMOVE_ORPHANS: '1' }))).toEqual({
    removeOrphans: true,
    ignoreOrphans: false,
  });
  expect(orphanPolicy(false, given({ COMPOSE_IGNORE_ORPHANS: 'true' }))).toEqual({
    removeOrphans: false,
    ignoreOrphans: true,
  });
  expect(() => orphanPolicy(true, given({ COMPOSE_IGNORE_ORPHANS: '1' }))).toThrow(
    'cannot combine COMPOSE_IGNORE_ORPHANS',
  );
});
