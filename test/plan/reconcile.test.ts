import { describe, test } from 'vitest';

import { formatPlan } from '../../src/plan/builder.ts';
import { findOrphans, reconcile } from '../../src/plan/reconcile.ts';
import type { ReconcileOptions } from '../../src/plan/reconcile.ts';
import { container, mount, needs, network, nothing, observed, project, seen, volume, wasm } from './fixtures.ts';

const options: ReconcileOptions = {
  recreate: 'changed',
  recreateDependencies: 'changed',
  renewVolumes: false,
  replaceVolumes: [],
  graceMs: undefined,
  services: [],
  withDependencies: true,
  removeOrphans: false,
  start: true,
  wait: false,
  hash: () => 'h1',
};

describe('reconcile: desired and observed state in, plan out', () => {
  test('a mixed project from nothing', ({ expect }) => {
    const redis = container('redis');
    const api = wasm('api', { dependsOn: [needs('redis', 'healthy')], mounts: [mount('visits', '/data')] });
    const web = container('web', { dependsOn: [needs('api', 'healthy')], mounts: [mount('visits', '/visits')] });
    const plan = reconcile(project([redis, api, web], { volumes: { visits: volume('visits') } }), nothing, options);
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "[] -> #1 network:default, network.create, not found
      [] -> #2 volume:visits, volume.create, not found
      [] -> #3 service:redis, artifact.prepare, redis
      [1,3] -> #4 service:redis#1, instance.create, not found
      [4] -> #5 service:redis#1, instance.start, created
      [] -> #6 service:api, artifact.prepare, module
      [1,2,6] -> #7 service:api#1, instance.create, not found
      [5] -> #8 service:redis#1, instance.await, needed healthy by api
      [7,8] -> #9 service:api#1, instance.start, created
      [] -> #10 service:web, artifact.prepare, web
      [1,2,10] -> #11 service:web#1, instance.create, not found
      [9] -> #12 service:api#1, instance.await, needed healthy by web
      [11,12] -> #13 service:web#1, instance.start, created"
    `);
  });

  test('what is there as it should be needs no plan', ({ expect }) => {
    const a = container('a');
    const b = wasm('b', { dependsOn: [needs('a', 'healthy')] });
    expect(formatPlan(reconcile(project([a, b]), observed([seen(a), seen(b)]), options))).toBe('');
  });

  test('a changed service is replaced after its artifact is ready, an unchanged one is left alone', ({ expect }) => {
    const [a, b] = [container('a'), container('b')];
    const plan = reconcile(project([a, b]), observed([seen(a), seen(b, { configHash: 'old' })]), options);
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "[] -> #1 service:b, artifact.prepare, b
      [1] -> #2 service:b#1, instance.create, config changed
      [2] -> #3 service:b#1, instance.stop, config changed
      [3] -> #4 service:b#1, instance.remove, config changed
      [2,4] -> #5 service:b#1, instance.rename, config changed
      [5] -> #6 service:b#1, instance.start, created"
    `);
  });

  test('a service that changed its kind is replaced', ({ expect }) => {
    const now = wasm('a');
    const plan = reconcile(project([now]), observed([seen(container('a'))]), options);
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "[] -> #1 service:a, artifact.prepare, module
      [1] -> #2 service:a#1, instance.stop, was a container service
      [2] -> #3 service:a#1, instance.remove, was a container service
      [1,3] -> #4 service:a#1, instance.create, was a container service
      [4] -> #5 service:a#1, instance.start, created"
    `);
  });

  test('a project of Wasm services makes no network in the Engine', ({ expect }) => {
    expect(formatPlan(reconcile(project([wasm('a')]), nothing, options))).toMatchInlineSnapshot(`
      "[] -> #1 service:a, artifact.prepare, module
      [1] -> #2 service:a#1, instance.create, not found
      [2] -> #3 service:a#1, instance.start, created"
    `);
  });

  test('an external network is checked also for Wasm services', ({ expect }) => {
    const a = wasm('a', { networks: [{ network: 'shared', aliases: [] }] });
    const plan = reconcile(
      project([a], { networks: { shared: network('shared', { external: true }) } }),
      nothing,
      options,
    );
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "[] -> #1 network:shared, network.create, external
      [] -> #2 service:a, artifact.prepare, module
      [1,2] -> #3 service:a#1, instance.create, not found
      [3] -> #4 service:a#1, instance.start, created"
    `);
  });

  test('a stopped instance is started, a lost Wasm instance is made anew', ({ expect }) => {
    const [a, b] = [container('a'), wasm('b')];
    const stopped = seen(a, { state: { at: 'exited', exit: { how: 'code', code: 0 }, since: 1 } });
    const lost = seen(b, { state: { at: 'exited', exit: { how: 'lost', reason: 'x' }, since: 1 } });
    expect(formatPlan(reconcile(project([a, b]), observed([stopped, lost]), options))).toMatchInlineSnapshot(`
      "[] -> #1 service:a#1, instance.start, exited
      [] -> #2 service:b, artifact.prepare, module
      [2] -> #3 service:b#1, instance.stop, lost
      [3] -> #4 service:b#1, instance.remove, lost
      [2,4] -> #5 service:b#1, instance.create, lost
      [5] -> #6 service:b#1, instance.start, created"
    `);
  });

  test('scaling up adds the missing numbers, scaling down removes the highest', ({ expect }) => {
    const three = container('a', { replicas: 3 });
    const up = reconcile(project([three]), observed([seen(three), seen(three, { index: 3 })]), options);
    const one = container('a');
    const down = reconcile(project([one]), observed([seen(one), seen(one, { index: 2 })]), options);
    expect(`${formatPlan(up)}\n--\n${formatPlan(down)}`).toMatchInlineSnapshot(`
      "[] -> #1 service:a, artifact.prepare, a
      [1] -> #2 service:a#4, instance.create, not found
      [2] -> #3 service:a#4, instance.start, created
      --
      [] -> #1 service:a#2, instance.stop, scale down
      [1] -> #2 service:a#2, instance.remove, scale down"
    `);
  });

  test('two dependants share one wait', ({ expect }) => {
    const db = container('db');
    const a = container('a', { dependsOn: [needs('db', 'healthy')] });
    const b = container('b', { dependsOn: [needs('db', 'healthy')] });
    const plan = reconcile(project([a, b, db]), nothing, options);
    expect(plan.nodes.filter((node) => node.operation.op === 'instance.await')).toHaveLength(1);
  });

  test('--force-recreate, --no-recreate and --no-start', ({ expect }) => {
    const a = container('a');
    const changed = observed([seen(a, { configHash: 'old' })]);
    const plans = {
      always: formatPlan(reconcile(project([a]), observed([seen(a)]), { ...options, recreate: 'always' })),
      never: formatPlan(reconcile(project([a]), changed, { ...options, recreate: 'never' })),
      noStart: formatPlan(reconcile(project([a]), nothing, { ...options, start: false })),
    };
    expect(plans).toMatchInlineSnapshot(`
      {
        "always": "[] -> #1 service:a, artifact.prepare, a
      [1] -> #2 service:a#1, instance.create, forced
      [2] -> #3 service:a#1, instance.stop, forced
      [3] -> #4 service:a#1, instance.remove, forced
      [2,4] -> #5 service:a#1, instance.rename, forced
      [5] -> #6 service:a#1, instance.start, created",
        "never": "",
        "noStart": "[] -> #1 network:default, network.create, not found
      [] -> #2 service:a, artifact.prepare, a
      [1,2] -> #3 service:a#1, instance.create, not found",
      }
    `);
  });

  test('--wait ends with a wait for each instance', ({ expect }) => {
    const plan = reconcile(project([container('a', { replicas: 2 })]), nothing, { ...options, wait: true });
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "[] -> #1 network:default, network.create, not found
      [] -> #2 service:a, artifact.prepare, a
      [1,2] -> #3 service:a#1, instance.create, not found
      [1,2] -> #4 service:a#2, instance.create, not found
      [3] -> #5 service:a#1, instance.start, created
      [4] -> #6 service:a#2, instance.start, created
      [5,6] -> #7 service:a#1, instance.await, --wait
      [5,6] -> #8 service:a#2, instance.await, --wait"
    `);
  });

  test('a named service brings its dependencies, --no-deps leaves them out', ({ expect }) => {
    const [db, other] = [container('db'), container('other')];
    const a = container('a', { dependsOn: [needs('db')] });
    const subjects = (withDependencies: boolean): readonly string[] =>
      reconcile(project([db, other, a]), nothing, { ...options, services: ['a'], withDependencies })
        .nodes.filter((node) => node.operation.op === 'instance.start')
        .map((node) => node.subject);
    expect(subjects(true)).toEqual(['service:db#1', 'service:a#1']);
    expect(subjects(false)).toEqual(['service:a#1']);
  });

  test('orphans are found, and removed only on demand', ({ expect }) => {
    const [a, gone] = [container('a'), container('gone')];
    const state = observed([seen(a), seen(gone)]);
    expect(findOrphans(project([a]), state).map((orphan) => orphan.id)).toEqual(['gone#1']);
    expect(formatPlan(reconcile(project([a]), state, options))).toBe('');
    expect(formatPlan(reconcile(project([a]), state, { ...options, removeOrphans: true }))).toMatchInlineSnapshot(`
      "[] -> #1 service:gone#1, instance.stop, orphan
      [1] -> #2 service:gone#1, instance.remove, orphan"
    `);
  });

  test('an instance of a service whose profile is off is no orphan', ({ expect }) => {
    const [a, off] = [container('a'), container('off')];
    expect(findOrphans(project([a], { otherServices: ['off'] }), observed([seen(a), seen(off)]))).toEqual([]);
  });

  test('a dependency cycle is named', ({ expect }) => {
    const cycle = project([
      container('a', { dependsOn: [needs('b')] }),
      container('b', { dependsOn: [needs('c')] }),
      container('c', { dependsOn: [needs('b')] }),
    ]);
    expect(() => reconcile(cycle, nothing, options)).toThrow('dependency cycle: b -> c -> b');
  });

  test('an unknown service is named with those there are', ({ expect }) => {
    expect(() => reconcile(project([container('a')]), nothing, { ...options, services: ['b'] })).toThrow(
      'no such service: b',
    );
  });
});
