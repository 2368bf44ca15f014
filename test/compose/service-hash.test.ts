import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { loadModel } from '../../src/compose/load-model.ts';
import type { LoadedModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';
import { child, entriesOf } from '../../src/compose/node.ts';
import { serviceHash } from '../../src/compose/service-hash.ts';
import { toProject } from '../../src/compose/to-project.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
/** The program docker-compose 2.40, where there is one: `COMPOSE_PEER=/usr/libexec/docker/cli-plugins/docker-compose`. */
const peer = process.env['COMPOSE_PEER'];

async function load(file: string): Promise<LoadedModel> {
  const options = {
    cwd: GOLDEN,
    files: [file],
    envFiles: [],
    profiles: ['*'],
    services: [],
    env: {},
    stdin: async () => '',
  };
  return await loadModel(options, RUN_MODEL, new AbortController().signal);
}

function hashes({ model }: LoadedModel): string {
  const services = entriesOf(child(model.root, 'services')).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return services.map(([name, service]) => `${name} ${serviceHash(service)}\n`).join('');
}

describe('config-hash is that of docker compose 2.40', () => {
  test('of services: what it prints for config --hash', async ({ expect }) => {
    expect(hashes(await load('services.yaml'))).toBe(
      'every f86f260971724c2e0cb0759fd8a3cf678a58d9cfad4ac5c29ce234d4e7567de5\n' +
        'plain d5457d0b2799957b606d2ac4ed52d85a1e75799490e56229948300b9a59e8953\n',
    );
  });

  test('of networks, volumes and containers: what it labels them with', async ({ expect }) => {
    const { project } = toProject(await load('resources.yaml'));
    expect({
      default: project.networks['default']?.configHash,
      back: project.networks['back']?.configHash,
      data: project.volumes['data']?.configHash,
      own: project.volumes['own']?.configHash,
      a: project.services['a'],
    }).toMatchObject({
      default: 'cf68a293b3cb8bce28ee4bbb1e23f4d939f403283258df8a9b6f17ceadd618c2',
      back: 'a8f6d6ebb6605691f5e9b47feeb83282b2b5a75a021dde5fb64ea887431aa148',
      data: 'ca9a56e841d53cf438064320c567daac4352c6cc349c421192b11f8c8e73fed1',
      own: '9a5d27a61bb78ea92112a9b0f49a6d48e81d4190d0b2ac99ba74d7111617c5c6',
      a: { config: { hash: 'd4ed4b84516f473d75f92733633303a57b706c0c4903fe85139051a539b50891' } },
    });
  });

  test('what refers to containers of others has their ids in it', async ({ expect }) => {
    const { project } = toProject(await load('references.yaml'));
    const service = project.services['side'];
    const parts = service?.kind === 'container' && 'parts' in service.config ? service.config.parts : [];
    expect(parts.map((part) => (typeof part === 'string' ? '…' : part.containerOf))).toEqual([
      '…',
      'db',
      '…',
      'db',
      '…',
    ]);
    expect(parts[0]).toMatch(/"network_mode":"container:$/);
  });

  test.skipIf(peer === undefined)('the program itself agrees (COMPOSE_PEER)', async ({ expect }) => {
    const args = ['-f', join(GOLDEN, 'services.yaml'), 'config', '--hash', '*'];
    expect(execFileSync(peer ?? '', args, { encoding: 'utf8' })).toBe(hashes(await load('services.yaml')));
  });
});
