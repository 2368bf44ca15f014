import { describe, test } from 'vitest';

import { tcpPort, wasmService } from '../../fake/wasm-service.ts';
import { cgiService, upCgi } from './cgi/cgi-bench.ts';
import { WasmBench } from './wasm-bench.ts';

const SOURCE = { file: 'compose.yaml', line: 6, column: 17, path: 'services.client.x-wasm.connect[0]' };

function target(host: string, port = 7): { host: string; port: number; source: typeof SOURCE } {
  return { host, port, source: SOURCE };
}

describe('connections that a guest finds open', () => {
  for (const isolation of ['worker', 'shared'] as const) {
    test(`are made by name, and told with their descriptors: isolation ${isolation}`, async ({ expect }) => {
      await using bench = new WasmBench();
      await bench.up(wasmService('echo', 'echo-v1', ['7']));
      await bench.up(wasmService('other', 'echo-v1', ['8']));
      const args = ['-', '5', 'one', 'two'];
      const connect = [target('echo'), target('other', 8)];
      const { id, logs } = await bench.up(wasmService('client', 'client', args, { connect, isolation }));
      expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
      expect(logs.text('stdout')).toEqual(['told echo:7=4,other:8=5', 'one', 'two']);
    });
  }

  test('go to the address that ps shows, for programs that look up no names', async ({ expect }) => {
    await using bench = new WasmBench();
    const echo = await bench.up(wasmService('echo', 'echo-v1', ['7']));
    await bench.untilFabric('add echo#1 7');
    const address = (await bench.observe(echo.id))?.addresses['default'] ?? '';
    const more = { connect: [target(address)] };
    const { id, logs } = await bench.up(wasmService('client', 'client', ['-', '4', 'one'], more));
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    expect(logs.text('stdout')).toEqual([`told ${address}:7=4`, 'one']);
  });

  test('come after the listeners, from the number of those on', async ({ expect }) => {
    await using bench = new WasmBench();
    await bench.up(wasmService('echo', 'echo-v1', ['7']));
    await bench.untilFabric('add echo#1 7');
    const more = { connect: [target('echo')], listenFd: 9, ports: [tcpPort(80)] };
    const { logs } = await bench.up(wasmService('both', 'echo-accept', ['9'], more));
    await logs.until('accepting on descriptor 9 of 1');
    expect(bench.fabric.calls).toContain('add both#1 80');
  });

  test('are waited for while their service does not listen yet', async ({ expect }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.create(
      wasmService('client', 'client', ['-', '4', 'late'], { connect: [target('echo')] }),
    );
    const started = bench.runtime.start(id, bench.signal);
    expect((await logs.until('waiting for')).text).toBe('waiting for echo:7: no such name on its networks');
    await bench.up(wasmService('echo', 'echo-v1', ['7']));
    await started;
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    expect(logs.text('stdout')).toEqual(['told echo:7=4', 'late']);
  });

  test('that policy refuses fail the start at once, with where they are asked for', async ({ expect }) => {
    await using bench = new WasmBench();
    const reason = 'client#1 may not connect to 192.0.2.1 port 7';
    bench.fabric.verdicts.set('192.0.2.1:7', { to: 'refused', errno: 'EACCES', reason });
    const { id, logs } = await bench.create(
      wasmService('client', 'client', ['-', '4'], { connect: [target('192.0.2.1')] }),
    );
    await expect(bench.runtime.start(id, bench.signal)).rejects.toMatchObject({
      code: 'ERR_DEPENDENCY_FAILED',
      message: 'client: cannot connect to 192.0.2.1:7: its networks do not allow it',
      source: SOURCE,
    });
    expect(logs.text('system')).toEqual([reason]);
    expect((await bench.observe(id))?.state.at).toBe('created');
  });

  test('that are still waited for do not keep a stop waiting', async ({ expect }) => {
    await using bench = new WasmBench();
    for (const isolation of ['worker', 'shared'] as const) {
      const service = wasmService(`client-${isolation}`, 'client', ['-', '4'], {
        connect: [target('nobody')],
        isolation,
      });
      const { id, logs } = await bench.create(service);
      const started = bench.runtime.start(id, bench.signal);
      await logs.until('waiting for');
      const failed = expect(started).rejects.toMatchObject({ code: 'ERR_DEPENDENCY_FAILED' });
      await bench.runtime.stop(id, 600_000, bench.signal);
      await failed;
      expect((await bench.observe(id))?.state).toMatchObject({ at: 'exited', exit: { how: 'killed' } });
    }
  });

  test('need room below the limit of descriptors', async ({ expect }) => {
    await using bench = new WasmBench();
    const more = { connect: [target('echo')], limits: { descriptors: 4 } };
    await expect(bench.up(wasmService('client', 'client', ['-', '4'], more))).rejects.toMatchObject({
      code: 'ERR_COMPOSE_INVALID',
      message: 'client: no descriptor is left for echo:7',
      hint: 'it would be 4, and ulimits.nofile allows 4',
    });
  });

  test('are made anew by the restart policy, where the guest ends with them', async ({ expect }) => {
    await using bench = new WasmBench();
    const echo = await bench.up(wasmService('echo', 'echo-v1', ['7']));
    await bench.untilFabric('add echo#1 7');
    const more = { connect: [target('echo')], restart: { when: 'always' } } as const;
    const { id, logs } = await bench.up(wasmService('client', 'client', ['-', '4', 'again'], more));
    await bench.untilEvents(id, 'started', 2);
    await bench.runtime.stop(echo.id, 0, bench.signal);
    await logs.until('waiting for');
    await bench.runtime.start(echo.id, bench.signal);
    const seen = bench.events.filter((event) => event.type === 'started').length;
    await bench.untilEvents(id, 'started', seen);
    expect(logs.text('stdout')).toContain('again');
  });

  test('each guest of a CGI service has its own', async ({ expect }) => {
    await using bench = new WasmBench();
    const echo = await bench.up(wasmService('echo', 'echo-v1', ['7']));
    await bench.untilFabric('add echo#1 7');
    const up = await upCgi(bench, cgiService({}, { connect: [target('echo')] }));
    for (const path of ['/a', '/b']) {
      expect(await (await fetch(`${up.url}${path}`)).text()).toBe(`Hello from CGI: ${path}\n`);
    }
    // What a guest prints may come after what its client has read.
    await expect
      .poll(() => echo.logs.text().filter((line) => line.startsWith('peer')), { timeout: 20_000 })
      .toHaveLength(2);
  });

  test('keep a CGI program from running where they cannot be made, and the log says which', async ({ expect }) => {
    await using bench = new WasmBench();
    bench.fabric.verdicts.set('192.0.2.1:7', { to: 'refused', errno: 'EACCES', reason: 'the rule' });
    const up = await upCgi(bench, cgiService({}, { connect: [target('192.0.2.1')] }));
    expect((await fetch(`${up.url}/a`)).status).toBe(500);
    await up.logs.until('cannot connect to 192.0.2.1:7: its networks do not allow it');
  });
});
