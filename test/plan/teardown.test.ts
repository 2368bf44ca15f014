import { describe, test } from 'vitest';

import { formatPlan } from '../../src/plan/builder.ts';
import { planDown, planRestart, planStart, planStop } from '../../src/plan/teardown.ts';
import { container, needs, network, observed, project, seen, volume, wasm } from './fixtures.ts';

const db = container('db');
const api = wasm('api', { dependsOn: [needs('db')] });
const both = project([db, api], { volumes: { data: volume('data') } });
const up = observed([seen(api), seen(db)], { volumes: [{ key: 'data', name: 'demo_data', id: 'v' }] });
const options = { project: both, services: [], removeVolumes: false, removeOrphans: false, graceMs: undefined };

const starting = { services: [], withOthers: true, wait: false };

describe('teardown: what is observed in, plan out', () => {
  test('down stops dependants first, then removes, then networks', ({ expect }) => {
    expect(formatPlan(planDown(up, options))).toMatchInlineSnapshot(`
      "[] -> #1 service:api#1, instance.stop, down
      [1] -> #2 service:db#1, instance.stop, down
      [1] -> #3 service:api#1, instance.remove, down
      [2] -> #4 service:db#1, instance.remove, down
      [3,4] -> #5 network:default, network.remove, down"
    `);
  });

  test('down -v removes volumes, never external ones', ({ expect }) => {
    const external = { ...both, volumes: { data: volume('data', { external: true }) } };
    const ops = (project_: typeof both): readonly string[] =>
      planDown(up, { ...options, project: project_, services: [], removeVolumes: true }).nodes.map(
        (node) => node.operation.op,
      );
    expect(ops(both)).toContain('volume.remove');
    expect(ops(external)).not.toContain('volume.remove');
  });

  test('down never removes an external network', ({ expect }) => {
    const external = { ...both, networks: { default: network('default', { external: true }) } };
    const ops = planDown(up, { ...options, project: external }).nodes.map((node) => node.operation.op);
    expect(ops).not.toContain('network.remove');
  });

  test('without a compose file everything that carries the name of the project goes', ({ expect }) => {
    const plan = planDown(observed([seen(container('x')), seen(container('y'))]), { ...options, project: undefined });
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "[] -> #1 service:x#1, instance.stop, down
      [] -> #2 service:y#1, instance.stop, down
      [1] -> #3 service:x#1, instance.remove, down
      [2] -> #4 service:y#1, instance.remove, down
      [3,4] -> #5 network:default, network.remove, down"
    `);
  });

  test('an orphan stays unless asked for', ({ expect }) => {
    const state = observed([seen(db), seen(container('old'))]);
    const removed = (removeOrphans: boolean): readonly string[] =>
      planDown(state, { ...options, removeOrphans })
        .nodes.filter((node) => node.operation.op === 'instance.remove')
        .map((node) => node.subject);
    expect(removed(false)).toEqual(['service:db#1']);
    expect(removed(true)).toEqual(['service:db#1', 'service:old#1']);
  });

  test('stop, start and restart of one service and of all', ({ expect }) => {
    const ended = { state: { at: 'exited', exit: { how: 'code', code: 0 }, since: 0 } } as const;
    const stopped = observed([seen(api, ended), seen(db, ended)]);
    expect({
      stopOne: formatPlan(planStop(up, both, ['db'], 500)),
      stopAll: formatPlan(planStop(up, both, [], undefined)),
      startAll: formatPlan(planStart(stopped, both, starting)),
      startRunning: formatPlan(planStart(up, both, starting)),
      restart: formatPlan(planRestart(up, both, starting)),
    }).toMatchInlineSnapshot(`
      {
        "restart": "[] -> #1 service:api#1, instance.stop, restart
      [1] -> #2 service:db#1, instance.stop, restart
      [2] -> #3 service:db#1, instance.start, restart
      [1,3] -> #4 service:api#1, instance.start, restart",
        "startAll": "[] -> #1 service:db#1, instance.start, start
      [1] -> #2 service:api#1, instance.start, start",
        "startRunning": "",
        "stopAll": "[] -> #1 service:api#1, instance.stop, stop
      [1] -> #2 service:db#1, instance.stop, stop",
        "stopOne": "[] -> #1 service:db#1, instance.stop, stop",
      }
    `);
  });
});
