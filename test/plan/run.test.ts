import { describe, test } from 'vitest';

import { formatPlan } from '../../src/plan/builder.ts';
import { oneOffService } from '../../src/plan/one-off.ts';
import type { OneOffChanges } from '../../src/plan/one-off.ts';
import { planRemove } from '../../src/plan/remove.ts';
import { planRun } from '../../src/plan/run.ts';
import { container, here, mount, needs, nothing, observed, project, seen, volume, wasm } from './fixtures.ts';

const options = {
  recreate: 'changed',
  recreateDependencies: 'changed',
  renewVolumes: false,
  replaceVolumes: [],
  graceMs: undefined,
  services: ['job'],
  withDependencies: true,
  removeOrphans: false,
  start: true,
  wait: false,
  hash: () => 'h1',
} as const;
const db = container('db', { healthcheck: { probe: { type: 'exec', argv: ['true'] } } });
const cache = wasm('cache');
const job = container('job', {
  dependsOn: [needs('db', 'healthy'), needs('cache')],
  mounts: [mount('data', '/data')],
});
const whole = project([db, cache, job, container('other')], { volumes: { data: volume('data') } });
const healthy = { at: 'running', health: 'healthy', since: 0 } as const;

describe('what a one-off instance needs', () => {
  test('its dependencies in the condition that the file asks for, networks, volumes, image; nothing else', ({
    expect,
  }) => {
    expect(formatPlan(planRun(whole, nothing, 'job', options))).toMatchInlineSnapshot(`
      "[] -> #1 network:default, network.create, not found
      [] -> #2 service:cache, artifact.prepare, module
      [1,2] -> #3 service:cache#1, instance.create, not found
      [3] -> #4 service:cache#1, instance.start, created
      [] -> #5 service:db, artifact.prepare, db
      [1,5] -> #6 service:db#1, instance.create, not found
      [6] -> #7 service:db#1, instance.start, created
      [1,2,3,4,5,6,7] -> #8 volume:data, volume.create, not found
      [1,2,3,4,5,6,7] -> #9 service:job, artifact.prepare, job
      [1,2,3,4,5,6,7] -> #10 service:db#1, instance.await, needed healthy by job"
    `);
  });

  test.for([
    ['--no-deps', { ...options, withDependencies: false }, nothing, ['network.create', 'volume.create']],
    ['all is there', options, observed([seen(db, { state: healthy }), seen(cache)]), ['volume.create']],
    [
      'a dependency runs and is not healthy yet',
      options,
      observed([seen(db, { state: { ...healthy, health: 'starting' } }), seen(cache)]),
      ['volume.create', 'instance.await'],
    ],
    [
      "the service's own instances are left as they are",
      options,
      observed([seen(db, { state: healthy }), seen(cache), seen(job, { configHash: 'old' })]),
      ['volume.create'],
    ],
  ] as const)('%s', ([, given, state, ops], { expect }) => {
    const plan = planRun(whole, state, 'job', given);
    expect(plan.nodes.map((node) => node.operation.op).filter((op) => op !== 'artifact.prepare')).toEqual(ops);
  });

  test('a service that is not there is an error', ({ expect }) => {
    expect(() => planRun(whole, nothing, 'nope', options)).toThrow('no such service: nope');
  });
});

const unchanged: OneOffChanges = {
  environment: {},
  labels: {},
  mounts: [],
  ports: [],
  servicePorts: false,
  useAliases: false,
  tty: false,
  name: 'demo-job-run-1',
  slug: '1',
};
const port = { target: 80, published: 8080, hostIp: '', protocol: 'tcp', source: here } as const;
const full = container('job', {
  command: ['own'],
  entrypoint: ['entry'],
  environment: { A: '1', B: '2' },
  ports: [port],
  restart: { when: 'always' },
  networks: [{ network: 'default', aliases: ['alias'], ipv4Address: '10.0.0.9' }],
  mounts: [mount('data', '/data'), mount('keep', '/keep')],
});

describe('the service of a one-off instance', () => {
  test.for([
    ['publishes no ports', {}, { ports: [] }],
    ['publishes them with --service-ports', { servicePorts: true }, { ports: [port] }],
    ['has no names of the service, and no address of its own', {}, { networks: [{ network: 'default', aliases: [] }] }],
    ['has them with --use-aliases', { useAliases: true }, { networks: [{ network: 'default', aliases: ['alias'] }] }],
    ['is never started again', {}, { restart: { when: 'no' } }],
    ['keeps its command', {}, { command: ['own'], entrypoint: ['entry'] }],
    ['takes another command', { command: ['x', 'y'] }, { command: ['x', 'y'], entrypoint: ['entry'] }],
    ['another entrypoint gets no command', { entrypoint: ['sh'] }, { command: [], entrypoint: ['sh'] }],
    ['variables are added', { environment: { B: '3', C: '4' } }, { environment: { A: '1', B: '3', C: '4' } }],
    [
      'a mount takes the place of one with its target',
      { mounts: [mount('', '/data')] },
      { mounts: [mount('keep', '/keep'), mount('', '/data')] },
    ],
  ] as const)('%s', ([, changes, expected], { expect }) => {
    expect(oneOffService(full, { ...unchanged, ...changes })).toMatchObject(expected);
  });

  test('of a module: the arguments are replaced, and it is a service of its own to the fabric', ({ expect }) => {
    const module = wasm('job', { args: ['default'] });
    expect(oneOffService(module, { ...unchanged, command: ['a', 'b'] })).toMatchObject({
      name: 'job-run-1',
      containerName: 'demo-job-run-1',
      args: ['a', 'b'],
    });
    expect(oneOffService(module, unchanged)).toMatchObject({ args: ['default'] });
  });
});

describe('rm', () => {
  const ended = { at: 'exited', exit: { how: 'code', code: 0 }, since: 0 } as const;
  const state = observed([seen(db), seen(cache, { state: ended }), seen(job, { state: ended })], {
    volumes: [
      { key: 'data', name: 'demo_data', id: 'v' },
      { key: 'abc', name: 'abc', id: 'abc', instance: 'job#1' },
    ],
  });
  test.for([
    ['removes what does not run', [], false, ['service:cache#1', 'service:job#1']],
    ['of the named services only', ['job'], false, ['service:job#1']],
    ['nothing that runs', ['db'], false, []],
    [
      'with -v the volumes without a name go too, and no others',
      [],
      true,
      ['service:cache#1', 'service:job#1', 'volume:abc'],
    ],
  ] as const)('%s', ([, services, volumes, subjects], { expect }) => {
    expect(planRemove(state, services, volumes).nodes.map((node) => node.subject)).toEqual(subjects);
  });
});
