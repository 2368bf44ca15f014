import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import type { InstanceState, ObservedInstance } from '../../src/model/state.ts';
import { WasmRecord } from '../../src/supervisor/wasm-record.ts';

function instance(service: string, state: InstanceState): ObservedInstance {
  return {
    id: instanceId(service, 1),
    service,
    index: 1,
    kind: 'wasm',
    handle: `${service}#1`,
    name: `demo-${service}-1`,
    image: `/${service}.wasm`,
    configHash: 'c',
    state,
    ports: [{ hostIp: '', published: 8080, target: 80, protocol: 'tcp' }],
    addresses: { default: '198.18.0.2' },
    createdAt: 1,
    restarts: 0,
  };
}

describe('record of Wasm instances', () => {
  test('an instance that had ended keeps its exit, one that ran is lost with its ports', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-record-'));
    const path = join(dir.path, 'wasm.json');
    const done = instance('job', { at: 'exited', exit: { how: 'code', code: 3 }, since: 7 });
    await new WasmRecord(path).write([done, instance('api', { at: 'running', health: 'none', since: 5 })]);

    const [job, api] = await new WasmRecord(path).readEnded();
    expect(job).toEqual(done);
    expect(api).toMatchObject({ state: { at: 'exited', exit: { how: 'lost' } }, ports: [], addresses: {} });
  });

  test.for([
    ['no file', undefined],
    ['half a file', '{"version":1,"instances":[{"id"'],
    ['a later version', '{"version":2,"instances":[]}'],
  ] as const)('%s tells of nothing', async ([, text], { expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-record-'));
    const path = join(dir.path, 'wasm.json');
    if (text !== undefined) writeFileSync(path, text);
    expect(await new WasmRecord(path).readEnded()).toEqual([]);
  });

  test('a removed record tells of nothing, and removing it again is no error', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-record-'));
    const record = new WasmRecord(join(dir.path, 'wasm.json'));
    await record.write([instance('api', { at: 'created' })]);
    await record.remove();
    await record.remove();
    expect(await record.readEnded()).toEqual([]);
  });
});
