import { describe, test } from 'vitest';

import { projectGraph } from '../../src/model/project-graph.ts';
import { formatGraph } from '../../src/ui/graph-text.ts';
import { container, here, mount, needs, project, seen, volume, wasm } from '../plan/fixtures.ts';

const shop = project(
  [
    container('web', {
      dependsOn: [needs('api', 'healthy'), needs('db', 'started', false)],
      ports: [{ target: 80, published: 8080, hostIp: '', protocol: 'tcp', source: here }],
    }),
    wasm('api', { dependsOn: [needs('db', 'healthy')] }),
    container('db', { mounts: [mount('data', '/var/lib/"db"')] }),
    container('tool', { networks: [] }),
  ],
  { volumes: { data: volume('data') } },
);

const instances = [
  seen(container('db'), { state: { at: 'running', health: 'healthy', since: 0 } }),
  seen(wasm('api'), { state: { at: 'exited', exit: { how: 'code', code: 3 }, since: 0 } }),
];

describe('graph', () => {
  test('text: a tree of what needs what', ({ expect }) => {
    expect(formatGraph(projectGraph(shop, instances, []), 'text')).toMatchInlineSnapshot(`
      "demo
      ├─ web [container] not there, ports 8080:80
      │  ├─ api (healthy) [wasm] exited (3)
      │  │  └─ db (healthy) [container] running, healthy
      │  └─ db (started, optional) (see above)
      └─ tool [container] not there

      networks:
        default (demo_default): web, api, db

      volumes:
        data (demo_data): db
      "
    `);
  });

  test('only what is asked for, and what that needs', ({ expect }) => {
    const { services, volumes } = projectGraph(shop, instances, ['api']);
    expect([services.map(({ name }) => name), volumes.map(({ key }) => key)]).toEqual([['api', 'db'], ['data']]);
  });

  test('mermaid', ({ expect }) => {
    expect(formatGraph(projectGraph(shop, instances, ['api']), 'mermaid')).toMatchInlineSnapshot(`
      "flowchart LR
        s0["api<br/>wasm: exited (3)"]
        s1["db<br/>container: running, healthy"]
        n0(("default"))
        v0[("data")]
        s0 -->|healthy| s1
        s0 --- n0
        s1 --- n0
        s1 ---|"/var/lib/#quot;db#quot;"| v0
      "
    `);
  });

  test('dot', ({ expect }) => {
    expect(formatGraph(projectGraph(shop, instances, ['api']), 'dot')).toMatchInlineSnapshot(`
      "digraph "demo" {
        rankdir=LR;
        s0 [shape=box, style=solid, label="api\\nwasm: exited (3)"];
        s1 [shape=box, style=filled, label="db\\ncontainer: running, healthy"];
        n0 [shape=ellipse, label="default"];
        v0 [shape=cylinder, label="data"];
        s0 -> s1 [label="healthy"];
        s0 -> n0 [dir=none];
        s1 -> n0 [dir=none];
        s1 -> v0 [dir=none, label="/var/lib/\\"db\\""];
      }
      "
    `);
  });
});
