import { describe, test } from 'vitest';

import { oneOffId } from '../../src/model/ids.ts';
import type { Dependency, Project, Service } from '../../src/model/project.ts';
import type { InstanceState, Observed, ObservedInstance } from '../../src/model/state.ts';
import { formatPlan } from '../../src/plan/builder.ts';
import { changedVolumes } from '../../src/plan/changed-resources.ts';
import { reconcile } from '../../src/plan/reconcile.ts';
import type { ReconcileOptions } from '../../src/plan/reconcile.ts';
import { container, mount, needs, network, nothing, observed, project, seen, volume, wasm } from './fixtures.ts';

const plain: ReconcileOptions = {
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

type Row = readonly [name: string, project: Project, observed: Observed, options?: Partial<ReconcileOptions>];

const restartWith = (service: string): Dependency => ({ ...needs(service), restart: true });
const ended: InstanceState = { at: 'exited', exit: { how: 'code', code: 0 }, since: 0 };
const old = { configHash: 'old' } as const;
const on = (id: string): Partial<ObservedInstance> => ({ connected: { demo_default: id }, mounted: [] });

const a = container('a');
const db = container('db');
const api = container('api', { dependsOn: [needs('db')] });
const restarted = container('api', { dependsOn: [restartWith('db')] });
const inDb = container('side', { networkMode: 'service:db', networks: [], dependsOn: [restartWith('db')] });
const fromDb = container('copy', { engine: { volumes_from: ['db:ro'] }, dependsOn: [needs('db')] });
const linked = container('web', { engine: { links: ['db:base'] }, dependsOn: [needs('db')] });
const withData = container('db', { mounts: [mount('data', '/data')] });
const three = (count: number): Service => container('a', { replicas: count });
const several = (...indices: readonly number[]): readonly ObservedInstance[] =>
  indices.map((index) => seen(a, { index }));

const net = (hash: string): Partial<Project> => ({ networks: { default: network('default', { configHash: hash }) } });
const vol = (hash: string): Partial<Project> => ({ volumes: { data: volume('data', { configHash: hash }) } });
const madeNet = (hash: string | undefined): Partial<Observed> => ({
  networks: [{ key: 'default', name: 'demo_default', id: 'n1', configHash: hash }],
});
const madeVol = (hash: string | undefined): Partial<Observed> => ({
  volumes: [{ key: 'data', name: 'demo_data', id: 'demo_data', configHash: hash }],
});

const TABLES: Readonly<Record<string, readonly Row[]>> = {
  'what is made anew, and why': [
    ['nothing that is as the file says', project([a]), observed([seen(a)])],
    ['another configuration', project([a]), observed([seen(a, old)])],
    ['another image of the same name', project([a]), observed([seen(a, { imageChanged: true })])],
    [
      'left half made: made beside the old one, which is still there',
      project([a]),
      observed([
        seen(a, { ...old, createdAt: 1 }),
        seen(a, { name: '0123456789ab_demo-a-1', handle: 'beside', state: { at: 'created' }, createdAt: 2 }),
      ]),
    ],
    [
      'a container that is named so by the file',
      project([container('a', { containerName: '0123456789ab_x' })]),
      observed([seen(a, { name: '0123456789ab_x' })]),
    ],
    ['another kind', project([wasm('a')]), observed([seen(a)])],
    ['not on its network', project([a]), observed([seen(a, { connected: {}, mounted: [] })])],
    ['on a network of the same name that is gone', project([a]), observed([seen(a, on('n0'))])],
    ['on its network', project([a]), observed([seen(a, on('n1'))])],
    [
      'on an external network that is named by its id',
      project([a], { networks: { default: network('default', { external: true, name: 'n7' }) } }),
      { ...nothing, instances: [seen(a, { connected: { shared: 'n7' }, mounted: [] })] },
    ],
    ['without its volume', project([withData], vol('v')), observed([seen(db, on('n1'))], madeVol('v'))],
    [
      'with its volume',
      project([withData], vol('v')),
      observed([seen(db, { ...on('n1'), mounted: ['demo_data'] })], madeVol('v')),
    ],
    [
      'the network got another name',
      project([a], { networks: { default: network('default', { name: 'x' }) } }),
      observed([seen(a, on('n1'))]),
    ],
    ['several reasons: the first is told', project([a]), observed([seen(a, { ...old, imageChanged: true })])],
    [
      'a paused container is left alone',
      project([a]),
      observed([seen(a, { state: { at: 'running', health: 'none', since: 0, paused: true } })]),
    ],
    [
      'a container in back-off is left alone',
      project([a]),
      observed([seen(a, { state: { at: 'backoff', attempt: 2, until: 1, exit: { how: 'code', code: 1 } } })]),
    ],
    ['one that ended is started', project([a]), observed([seen(a, { state: ended })])],
    ['one that was only created is started', project([a]), observed([seen(a, { state: { at: 'created' } })])],
    ['one that ended and changed', project([a]), observed([seen(a, { ...old, state: ended })])],
  ],
  flags: [
    ['--force-recreate', project([a]), observed([seen(a)]), { recreate: 'always' }],
    ['--no-recreate', project([a]), observed([seen(a, old)]), { recreate: 'never' }],
    [
      '--no-recreate starts what ended',
      project([a]),
      observed([seen(a, { ...old, state: ended })]),
      { recreate: 'never' },
    ],
    ['--no-start', project([api, db]), nothing, { start: false }],
    ['--no-start starts nothing that ended', project([a]), observed([seen(a, { state: ended })]), { start: false }],
    ['-V', project([a]), observed([seen(a, old)]), { renewVolumes: true }],
    ['-t', project([a]), observed([seen(a, old)]), { graceMs: 1 }],
    [
      '--force-recreate api leaves what it depends on',
      project([api, db]),
      observed([seen(api), seen(db)]),
      { recreate: 'always', services: ['api'] },
    ],
    [
      '--always-recreate-deps api',
      project([api, db]),
      observed([seen(api), seen(db)]),
      { recreateDependencies: 'always', services: ['api'] },
    ],
    [
      'up api makes a changed dependency anew',
      project([api, db]),
      observed([seen(api), seen(db, old)]),
      { services: ['api'] },
    ],
    [
      '--no-deps api leaves a changed dependency',
      project([api, db]),
      observed([seen(api, old), seen(db, old)]),
      { services: ['api'], withDependencies: false },
    ],
    [
      '--no-deps api where the dependency is not there',
      project([api, db]),
      observed([]),
      { services: ['api'], withDependencies: false },
    ],
    ['--wait of what runs', project([a]), observed([seen(a)]), { wait: true }],
    [
      '--wait after a wait for its health',
      project([container('api', { dependsOn: [needs('db', 'healthy')] }), db]),
      observed([seen(db)]),
      { wait: true },
    ],
    ['orphans stay', project([a]), observed([seen(a), seen(db)])],
    [
      '--remove-orphans takes also what is left of commands',
      project([a]),
      { ...observed([seen(a)]), oneOffs: [seen(a, { id: oneOffId('a', 'x'), handle: 'one-off', state: ended })] },
      { removeOrphans: true },
    ],
    ['--remove-orphans', project([a]), observed([seen(a), seen(db)]), { removeOrphans: true }],
    [
      '--remove-orphans leaves services of other profiles',
      project([a], { otherServices: ['db'] }),
      observed([seen(a), seen(db)]),
      { removeOrphans: true },
    ],
  ],
  'numbers of replicas': [
    ['from none to three', project([three(3)]), observed([])],
    ['one more counts on from the highest', project([three(3)]), observed(several(1, 3))],
    ['two fewer: the highest go', project([three(1)]), observed(several(1, 2, 3))],
    [
      'fewer: those of another configuration go first',
      project([three(1)]),
      observed([seen(a, old), seen(a, { index: 2 })]),
    ],
    ['fewer and all changed', project([three(1)]), observed([seen(a, old), seen(a, { ...old, index: 2 })])],
    ['none', project([three(0)]), observed(several(1, 2))],
    ['none there and none wanted', project([three(0)]), observed([])],
    ['two with the same number', project([three(2)]), observed([seen(a), seen(a, { handle: 'twin', createdAt: 5 })])],
    ['only number 4 is there', project([three(1)]), observed(several(4))],
    ['three of a module', project([wasm('a', { replicas: 3 })]), observed([seen(wasm('a'))])],
  ],
  'what depends on what is made anew': [
    ['a plain dependant goes on', project([api, db]), observed([seen(api), seen(db, old)])],
    [
      'one with restart: true stops before and starts after',
      project([restarted, db]),
      observed([seen(restarted), seen(db, old)]),
    ],
    [
      'one with restart: true that does not run is started',
      project([restarted, db]),
      observed([seen(restarted, { state: ended }), seen(db, old)]),
    ],
    [
      'one with restart: true that changed too is stopped once',
      project([restarted, db]),
      observed([seen(restarted, old), seen(db, old)]),
    ],
    ['one that shares its network', project([inDb, db]), observed([seen(inDb), seen(db, old)])],
    ['one that shares its network is made after it', project([inDb, db]), observed([])],
    ['one that shares its volumes', project([fromDb, db]), observed([seen(fromDb), seen(db, old)])],
    ['one that is linked to it is made after it', project([linked, db]), observed([])],
    ['one that is linked to it goes on', project([linked, db]), observed([seen(linked), seen(db, old)])],
    [
      'a dependency that is only started changes nothing',
      project([restarted, db]),
      observed([seen(restarted), seen(db, { state: ended })]),
    ],
    [
      '--no-deps side where the other is there',
      project([inDb, db]),
      observed([seen(inDb, old), seen(db)]),
      { services: ['side'], withDependencies: false },
    ],
  ],
  'networks and volumes that changed': [
    ['a network as it was made', project([a], net('n')), observed([seen(a)], madeNet('n'))],
    ['a network that nobody wrote down', project([a], net('n')), observed([seen(a)], madeNet(undefined))],
    ['a network that changed', project([a], net('new')), observed([seen(a)], madeNet('n'))],
    [
      'a network that changed, and --no-recreate',
      project([a], net('new')),
      observed([seen(a)], madeNet('n')),
      { recreate: 'never' },
    ],
    [
      'a network that changed, and up of one of two that use it',
      project([a, db], net('new')),
      observed([seen(a), seen(db)], madeNet('n')),
      { services: ['a'] },
    ],
    ['a network that changed and has no user yet', project([a], net('new')), observed([], madeNet('n'))],
    [
      'an external network has no configuration',
      project([a], { networks: { default: network('default', { external: true }) } }),
      observed([seen(a)], madeNet('n')),
    ],
    [
      'a volume that changed stays without a word from the user',
      project([withData], vol('new')),
      observed([seen(db)], madeVol('v')),
    ],
    [
      'a volume that changed and may be made anew',
      project([withData, a], vol('new')),
      observed([seen(db), seen(a)], madeVol('v')),
      { replaceVolumes: ['data'] },
    ],
    ['-y', project([withData], vol('new')), observed([seen(db)], madeVol('v')), { replaceVolumes: 'all' }],
    [
      'a volume that changed, and one that takes it from another',
      project([withData, fromDb], vol('new')),
      observed([seen(db), seen(fromDb)], madeVol('v')),
      { replaceVolumes: 'all' },
    ],
    [
      'a module with a volume that changed',
      project([wasm('m', { mounts: [mount('data', '/d')] })], vol('new')),
      observed([seen(wasm('m'))], madeVol('v')),
      { replaceVolumes: 'all' },
    ],
  ],
};

describe('convergence: state in, plan text out', () => {
  for (const [title, rows] of Object.entries(TABLES)) {
    test(title, async ({ expect }) => {
      const texts = rows.map(([name, wanted, before, options]) => {
        const plan = formatPlan(reconcile(wanted, before, { ...plain, ...options }));
        return `# ${name}\n${plan === '' ? 'nothing to do' : plan}\n`;
      });
      await expect(texts.join('\n')).toMatchFileSnapshot(`plans/${title.replaceAll(/[^a-z]+/g, '-')}.txt`);
    });
  }

  test('there are enough of them', ({ expect }) => {
    const rows = Object.values(TABLES).flat();
    expect(rows.length).toBeGreaterThan(60);
    expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
  });

  test('which volumes the user is asked about', ({ expect }) => {
    const wanted = project([withData], vol('new'));
    const keys = (state: Observed): readonly string[] => changedVolumes(wanted, state).map(({ key }) => key);
    expect(keys(observed([], madeVol('v')))).toEqual(['data']);
    expect(keys(observed([], madeVol('new')))).toEqual([]);
    expect(keys(observed([], madeVol(undefined)))).toEqual([]);
    expect(keys(nothing)).toEqual([]);
  });
});
