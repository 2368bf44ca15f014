import * as fc from 'fast-check';
import { describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Project, Service } from '../../src/model/project.ts';
import type { InstanceState, Observed, ObservedInstance } from '../../src/model/state.ts';
import { reconcile } from '../../src/plan/reconcile.ts';
import type { ReconcileOptions } from '../../src/plan/reconcile.ts';
import { planDown } from '../../src/plan/teardown.ts';
import { container, mount, needs, network, project, running, seen, volume, wasm } from './fixtures.ts';

const NAMES = ['api', 'cache', 'db', 'job', 'web'] as const;
const HASH = 'h1';

/** Services that depend only on names before their own, so there is no cycle. */
const services: fc.Arbitrary<readonly Service[]> = fc
  .tuple(...NAMES.map((name, at) => service(name, NAMES.slice(0, at))))
  .chain((all) => fc.subarray(all).map((some) => withoutDangling(some)));

function service(name: string, before: readonly string[]): fc.Arbitrary<Service> {
  return fc
    .record({
      isWasm: fc.boolean(),
      replicas: fc.integer({ min: 0, max: 3 }),
      dependsOn: fc.subarray([...before]),
      condition: fc.constantFrom('started', 'healthy', 'completed'),
      networks: fc.subarray(['default', 'back']),
      hasVolume: fc.boolean(),
    })
    .map(({ isWasm, replicas, dependsOn, condition, networks, hasVolume }) =>
      (isWasm ? wasm : container)(name, {
        replicas,
        dependsOn: dependsOn.map((other) => needs(other, condition)),
        networks: networks.map((key) => ({ network: key, aliases: [] })),
        mounts: hasVolume ? [mount('data', '/data')] : [],
      }),
    );
}

function withoutDangling(some: readonly Service[]): readonly Service[] {
  const names = new Set(some.map((one) => one.name));
  return some.map((one) => ({ ...one, dependsOn: one.dependsOn.filter((other) => names.has(other.service)) }));
}

const state: fc.Arbitrary<InstanceState> = fc.constantFrom<InstanceState>(
  running,
  { at: 'created' },
  { at: 'exited', exit: { how: 'code', code: 1 }, since: 0 },
  { at: 'exited', exit: { how: 'lost', reason: 'gone' }, since: 0 },
);

/** Instances as an earlier file may have left them: other kinds, other configuration, too many, orphans. */
const instances: fc.Arbitrary<readonly ObservedInstance[]> = fc.uniqueArray(
  fc
    .record({
      name: fc.constantFrom(...NAMES, 'old'),
      index: fc.integer({ min: 1, max: 4 }),
      isWasm: fc.boolean(),
      configHash: fc.constantFrom(HASH, 'h0'),
      state,
    })
    .map(({ name, index, isWasm, configHash, state: at }) =>
      seen(isWasm ? wasm(name) : container(name), { index, id: instanceId(name, index), configHash, state: at }),
    ),
  { selector: (instance) => instance.id, maxLength: 8 },
);

const options: ReconcileOptions = {
  recreate: 'changed',
  recreateDependencies: 'changed',
  renewVolumes: false,
  replaceVolumes: [],
  graceMs: undefined,
  services: [],
  withDependencies: true,
  removeOrphans: true,
  start: true,
  wait: false,
  hash: () => HASH,
};

function projectOf(all: readonly Service[]): Project {
  return project(all, {
    networks: { default: network('default'), back: network('back') },
    volumes: { data: volume('data') },
  });
}

/** What there is after every operation of the plan was done. */
function apply(plan: Plan, before: Observed): Observed {
  const present = new Map(before.instances.map((instance) => [instance.id, instance]));
  const beside = new Map<string, ObservedInstance>();
  const placeOf = ({ replaces }: { readonly replaces?: unknown }): Map<string, ObservedInstance> =>
    replaces === undefined ? present : beside;
  const networks = [...before.networks];
  const volumes = [...before.volumes];
  for (const { operation } of plan.nodes) {
    switch (operation.op) {
      case 'network.create':
        networks.push({ key: operation.network.key, name: operation.network.name, id: operation.network.key });
        break;
      case 'volume.create':
        volumes.push({ key: operation.volume.key, name: operation.volume.name, id: operation.volume.key });
        break;
      case 'instance.create':
        placeOf(operation).set(
          operation.id,
          seen(operation.service, { index: operation.index, id: operation.id, state: { at: 'created' } }),
        );
        break;
      case 'instance.rename':
        present.set(operation.id, mustHave(beside.get(operation.id), operation.id));
        break;
      case 'instance.start':
        present.set(operation.id, { ...mustHave(present.get(operation.id), operation.id), state: running });
        break;
      case 'instance.remove':
        present.delete(operation.instance.id);
        break;
      case 'network.remove':
        networks.splice(
          networks.findIndex((one) => one.key === operation.network.key),
          1,
        );
        break;
      case 'volume.remove':
        volumes.splice(
          volumes.findIndex((one) => one.key === operation.volume.key),
          1,
        );
        break;
      case 'artifact.build':
      case 'artifact.push':
      case 'artifact.prepare':
      case 'instance.await':
      case 'instance.stop':
        break;
    }
  }
  return { instances: [...present.values()], networks, volumes };
}

function mustHave(instance: ObservedInstance | undefined, id: string): ObservedInstance {
  if (instance === undefined) throw new Error(`the plan starts ${id}, which it never created`);
  return instance;
}

const changes = (plan: Plan): readonly string[] =>
  plan.nodes.filter(({ operation }) => operation.op !== 'instance.await').map(({ operation }) => operation.op);

describe('properties of plans', () => {
  test('after a plan is done, nothing is left to do', ({ expect }) => {
    fc.assert(
      fc.property(services, instances, (all, left) => {
        const wanted = projectOf(all);
        const before: Observed = { instances: left, networks: [], volumes: [] };
        const after = apply(reconcile(wanted, before, options), before);
        expect(changes(reconcile(wanted, after, options))).toEqual([]);
      }),
    );
  });

  test('what is there afterwards is what the file says', ({ expect }) => {
    fc.assert(
      fc.property(services, instances, (all, left) => {
        const before: Observed = { instances: left, networks: [], volumes: [] };
        const after = apply(reconcile(projectOf(all), before, options), before);
        const counts = (of: readonly string[]): object =>
          Object.fromEntries(all.map(({ name }) => [name, of.filter((one) => one === name).length]));
        const wanted = all.flatMap((one) => Array.from({ length: one.replicas }, () => String(one.name)));
        expect(counts(after.instances.map((instance) => instance.service))).toEqual(counts(wanted));
        expect(after.instances).toHaveLength(wanted.length);
        expect(after.instances.every((instance) => instance.state.at === 'running')).toBe(true);
      }),
    );
  });

  test('a node needs only nodes before it, and each node once', ({ expect }) => {
    fc.assert(
      fc.property(services, instances, (all, left) => {
        const plan = reconcile(
          projectOf(all),
          { instances: left, networks: [], volumes: [] },
          { ...options, wait: true },
        );
        for (const [at, node] of plan.nodes.entries()) {
          expect(node.id).toBe(at + 1);
          expect(node.needs.every((need) => need > 0 && need < node.id)).toBe(true);
          expect(new Set(node.needs).size).toBe(node.needs.length);
        }
      }),
    );
  });

  test('an instance starts only after what it depends on was started', ({ expect }) => {
    fc.assert(
      fc.property(services, (all) => {
        const plan = reconcile(projectOf(all), { instances: [], networks: [], volumes: [] }, options);
        const starts = plan.nodes.filter(({ operation }) => operation.op === 'instance.start');
        const before = (id: number): ReadonlySet<number> => {
          const found = new Set<number>();
          const visit = (at: number): void => {
            for (const need of plan.nodes[at - 1]?.needs ?? []) {
              if (found.has(need)) continue;
              found.add(need);
              visit(need);
            }
          };
          visit(id);
          return found;
        };
        for (const one of all) {
          const own = starts.filter(({ subject }) => subject.startsWith(`service:${one.name}#`));
          for (const { service: other } of one.dependsOn) {
            const theirs = starts.filter(({ subject }) => subject.startsWith(`service:${other}#`));
            for (const node of own) for (const needed of theirs) expect(before(node.id).has(needed.id)).toBe(true);
          }
        }
      }),
    );
  });

  test('down after anything leaves nothing of the project', ({ expect }) => {
    fc.assert(
      fc.property(services, instances, (all, left) => {
        const wanted = projectOf(all);
        const before: Observed = { instances: left, networks: [], volumes: [] };
        const up = apply(reconcile(wanted, before, options), before);
        const down = planDown(up, {
          project: wanted,
          services: [],
          removeVolumes: true,
          removeOrphans: true,
          graceMs: undefined,
        });
        expect(apply(down, up)).toEqual({ instances: [], networks: [], volumes: [] });
      }),
    );
  });
});
