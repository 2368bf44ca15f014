import { describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import type { InstanceState, ObservedInstance } from '../../src/model/state.ts';
import { instanceHandle, instanceJson, instanceRow } from '../../src/ui/instance-rows.ts';

const NOW = 1_000_000_000;
const trap = { how: 'trap', message: 'unreachable', backtrace: [] } as const;

function instance(kind: ObservedInstance['kind'], state: InstanceState): ObservedInstance {
  return {
    id: instanceId('api', 1),
    service: 'api',
    index: 1,
    kind,
    handle: kind === 'wasm' ? 'api#1' : 'c0ffee',
    name: 'demo-api-1',
    image: kind === 'wasm' ? '/home/me/demo/build/api.wasm' : 'redis:7',
    configHash: '',
    state,
    ports: [{ hostIp: '', published: 80, target: 8080, protocol: 'tcp' }],
    addresses: {},
    createdAt: NOW - 60_000,
    restarts: 0,
  };
}

const running = { at: 'running', health: 'healthy', since: NOW - 5_000 } as const;

const STATUS: readonly (readonly [state: InstanceState, status: string])[] = [
  [{ at: 'created' }, 'Created'],
  [{ at: 'running', health: 'none', since: NOW - 200 }, 'Up less than a second'],
  [{ at: 'running', health: 'starting', since: NOW - 5_000 }, 'Up 5 seconds (health: starting)'],
  [running, 'Up 5 seconds (healthy)'],
  [{ at: 'stopping', since: NOW }, 'Stopping'],
  [{ at: 'exited', exit: { how: 'code', code: 3 }, since: NOW - 7_200_000 }, 'Exited (3) 2 hours ago'],
  [{ at: 'exited', exit: trap, since: NOW - 60_000 }, 'Exited (134) 1 minute ago (trap)'],
  [{ at: 'exited', exit: { how: 'lost', reason: '' }, since: 0 }, 'Exited (137) (lost)'],
  [{ at: 'backoff', attempt: 2, until: NOW + 3_000, exit: trap }, 'Restarting (134) next in 3 seconds'],
];

describe('a row of ps', () => {
  test('a Wasm service shows the file of its module, a container its image', ({ expect }) => {
    expect(instanceRow(instance('wasm', running), NOW, false)).toEqual([
      'demo-api-1',
      'api.wasm',
      'api',
      'wasm',
      '1 minute ago',
      'Up 5 seconds (healthy)',
      '0.0.0.0:80->8080/tcp',
    ]);
    expect(instanceRow(instance('container', running), NOW, false)[1]).toBe('redis:7');
  });

  test('ids are what docker takes, and names of Wasm services', ({ expect }) => {
    expect([instanceHandle(instance('container', running)), instanceHandle(instance('wasm', running))]).toEqual([
      'c0ffee',
      'demo-api-1',
    ]);
  });

  for (const [state, status] of STATUS) {
    test(`status: ${status}`, ({ expect }) => {
      expect(instanceRow(instance('container', state), NOW, false)[5]).toBe(status);
    });
  }

  test('while the Engine is away nobody knows how its containers are; Wasm services are known', ({ expect }) => {
    expect(instanceRow(instance('container', running), NOW, true)[5]).toBe('Unknown (was running)');
    expect(instanceRow(instance('wasm', running), NOW, true)[5]).toBe('Up 5 seconds (healthy)');
    expect(instanceJson('demo', instance('container', running), true)).toMatchObject({ State: 'unknown', Health: '' });
    expect(instanceJson('demo', instance('wasm', running), true)).toMatchObject({
      State: 'running',
      Health: 'healthy',
    });
  });

  test('a published port of all addresses is written as docker does', ({ expect }) => {
    expect(instanceJson('demo', instance('wasm', running), false)).toMatchObject({
      Image: '/home/me/demo/build/api.wasm',
      Publishers: [{ URL: '0.0.0.0', TargetPort: 8080, PublishedPort: 80, Protocol: 'tcp' }],
    });
  });
});
