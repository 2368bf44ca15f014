import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { test } from 'vitest';

import { projectName } from '../../src/model/ids.ts';
import type { InstanceId } from '../../src/model/ids.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Observed, ObservedInstance } from '../../src/model/state.ts';
import { executePlan } from '../../src/plan/execute.ts';
import { reconcile } from '../../src/plan/reconcile.ts';
import { planRemove } from '../../src/plan/remove.ts';
import { planDown, planStop } from '../../src/plan/teardown.ts';
import { createContainerActions } from '../../src/runtime/container/actions.ts';
import { createContainerRuntime } from '../../src/runtime/container/driver.ts';
import type { Engine } from '../../src/runtime/container/engine.ts';
import { createFabricEngine } from '../../src/runtime/container/fabric-engine.ts';
import { LABEL } from '../../src/runtime/container/labels.ts';
import { ensureNetwork, listNetworks, removeNetwork } from '../../src/runtime/container/networks.ts';
import { ensureVolume, inspectVolume, listVolumes, removeVolume } from '../../src/runtime/container/volumes.ts';
import { VolumeDirs } from '../../src/storage/volume-dirs.ts';
import type { EngineSide } from '../../src/supervisor/engine-access.ts';
import { actOnInstances } from '../../src/supervisor/instance-actions.ts';
import { observe } from '../../src/supervisor/observe.ts';
import { runOperation } from '../../src/supervisor/run-operation.ts';
import type { OperationContext } from '../../src/supervisor/run-operation.ts';
import { ProjectVolumes } from '../../src/supervisor/volumes.ts';
import { MemoryEngine } from '../fake/memory-engine.ts';
import type { Thing } from '../fake/memory-engine.ts';
import { container, mount, network, project, volume } from '../plan/fixtures.ts';

const demo = projectName('demo');
const wanted = project(
  [container('a', { image: 'img', mounts: [mount('data', '/d')] }), container('b', { image: 'img' })],
  {
    networks: { default: network('default', { configHash: 'new' }) },
    volumes: { data: volume('data', { configHash: 'new' }) },
  },
);

/** Names that the project would give, and others: what is called so need not be ours. */
const NAMES = ['demo-a-1', 'demo-b-1', 'demo-a-2', 'demo_default', 'demo_data', 'other', 'demo-relay'] as const;

const labels = fc.record(
  {
    [LABEL.project]: fc.constantFrom('demo', 'other', 'demo2', ''),
    [LABEL.service]: fc.constantFrom('a', 'b', 'gone'),
    [LABEL.number]: fc.constantFrom('1', '2'),
    [LABEL.oneoff]: fc.constantFrom('True', 'False'),
    [LABEL.configHash]: fc.constantFrom('h1', 'old'),
    [LABEL.kind]: fc.constantFrom('container', 'relay', 'helper'),
    [LABEL.network]: fc.constant('default'),
    [LABEL.volume]: fc.constant('data'),
    [LABEL.anonymous]: fc.constantFrom('a#1', 'x#1'),
  },
  { requiredKeys: [] },
);

const things: fc.Arbitrary<readonly Thing[]> = fc
  .uniqueArray(
    fc.record({
      kind: fc.constantFrom('containers', 'networks', 'volumes'),
      name: fc.constantFrom(...NAMES),
      labels,
      status: fc.constantFrom('running', 'exited', 'created'),
    }),
    { selector: ({ kind, name }) => `${kind} ${name}`, maxLength: 14 },
  )
  .map((all) =>
    all.map((one, at): Thing => ({ ...one, id: one.kind === 'volumes' ? one.name : `${at}`.padStart(64, '0') })),
  );

type Command = 'up' | 'down' | 'rm' | 'stop' | 'kill' | 'relays';

test('whatever else is in the Engine, no command touches what is not of the project', async ({ expect }) => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-ownership-'));
  const commands = fc.array(fc.constantFrom<Command>('up', 'down', 'rm', 'stop', 'kill', 'relays'), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(things, commands, async (before, then) => {
      const memory = new MemoryEngine(before);
      const side = sideOf(memory.asEngine());
      const volumes = new ProjectVolumes(new VolumeDirs(dir.path), () => side);
      for (const command of ['up', ...then] as const) await run(command, side, volumes);
      const isOurs = (thing: Thing): boolean => thing.labels[LABEL.project] === 'demo';
      expect(memory.touched.filter((thing) => !isOurs(thing))).toEqual([]);
      expect(memory.things.filter((thing) => !isOurs(thing))).toEqual(before.filter((thing) => !isOurs(thing)));
    }),
    { numRuns: 60 },
  );
}, 60_000);

function sideOf(engine: Engine): EngineSide {
  const resources = {
    ensureNetwork: ensureNetwork.bind(undefined, engine),
    removeNetwork: removeNetwork.bind(undefined, engine),
    listNetworks: listNetworks.bind(undefined, engine),
    ensureVolume: ensureVolume.bind(undefined, engine),
    inspectVolume: inspectVolume.bind(undefined, engine),
    removeVolume: removeVolume.bind(undefined, engine),
    listVolumes: listVolumes.bind(undefined, engine),
  };
  const runtime = createContainerRuntime(engine);
  const [actions, fabric] = [createContainerActions(engine), createFabricEngine(engine)];
  return { runtime, resources, actions, fabric, isLocal: true } as unknown as EngineSide;
}

async function run(command: Command, side: EngineSide, volumes: ProjectVolumes): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const seen = await observe(demo, { engine: side, wasm: undefined, volumes }, signal);
  const oneOffs = await side.actions.oneOffs(demo, signal);
  if (command === 'relays') {
    for (const { id } of await side.fabric.relays(demo, signal)) await side.fabric.removeContainer(id, signal);
  } else if (command === 'kill') {
    const parts = { engine: { get: async () => side } } as unknown as Parameters<typeof actOnInstances>[0];
    await actOnInstances(parts, { action: 'signal', services: [], signal: 'SIGKILL' }, seen.instances, signal);
  } else await execute(planOf(command, seen, oneOffs), side, { volumes, signal, seen });
}

function planOf(
  command: Exclude<Command, 'relays' | 'kill'>,
  seen: Observed,
  oneOffs: readonly ObservedInstance[],
): Plan {
  switch (command) {
    case 'up':
      return reconcile(
        wanted,
        { ...seen, oneOffs },
        {
          recreate: 'changed',
          recreateDependencies: 'changed',
          renewVolumes: false,
          replaceVolumes: 'all',
          graceMs: undefined,
          services: [],
          withDependencies: true,
          removeOrphans: true,
          start: true,
          wait: false,
          hash: () => 'h1',
        },
      );
    case 'down': {
      const all = { ...seen, instances: [...seen.instances, ...oneOffs] };
      const options = { project: wanted, services: [], removeVolumes: true, removeOrphans: true, graceMs: 0 };
      return planDown(all, options);
    }
    case 'rm':
      return planRemove(seen, [], true);
    case 'stop':
      return planStop(seen, wanted, [], 0);
  }
}

/** What another's name keeps from being done fails; the rest goes on. */
async function execute(
  plan: Plan,
  engine: EngineSide,
  { volumes, signal, seen }: { volumes: ProjectVolumes; signal: AbortSignal; seen: Observed },
): Promise<void> {
  const known = new Map<InstanceId, ObservedInstance>(seen.instances.map((one) => [one.id, one]));
  const context = {
    project: wanted,
    engine,
    volumes,
    instances: {
      get: (id: InstanceId) => known.get(id),
      created: (made: ObservedInstance) => void known.set(made.id, made),
      removed: () => {},
      starting: () => {},
    },
    replacements: new Map(),
    refreshFabric: async () => {},
    hub: { sink: () => undefined },
    hash: () => 'h1',
    progress: () => {},
    warn: () => {},
  } as unknown as OperationContext;
  await executePlan(
    plan,
    {
      run: async (operation, inner) => await runOperation(operation, context, inner),
      onNode: () => {},
      now: () => 0,
      limit: () => async (task) => await task(),
    },
    signal,
  );
}
