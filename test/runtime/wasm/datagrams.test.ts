import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { describe, test } from 'vitest';

import { udpPort, wasmService } from '../../fake/wasm-service.ts';
import { WasmBench } from './wasm-bench.ts';

describe('UDP between guests', () => {
  test('a guest answers another one by its name, connected or not; who is not there refuses', async ({ expect }) => {
    await using bench = new WasmBench();
    const server = await bench.up(wasmService('echo', 'datagrams', ['echo', '5353']));
    await server.logs.until('bound to 5353');
    const clients = [
      { isolation: 'worker', environment: {} },
      { isolation: 'process', environment: { CONNECTED: '1' } },
    ] as const;
    for (const client of clients) {
      const name = `asker-${client.isolation}`;
      const asker = await bench.up(wasmService(name, 'datagrams', ['ask', 'echo', '5353', 'hi'], client));
      expect((await bench.until(asker.id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
      expect(asker.logs.text('stdout').join()).toMatch(/^answer: 10\.90\.0\.\d said hi$/);
    }
    const environment = { CONNECTED: '1' };
    const lost = await bench.up(wasmService('lost', 'datagrams', ['ask', 'echo', '9', 'hi'], { environment }));
    await bench.until(lost.id, 'exited');
    expect(lost.logs.text('stdout')).toEqual(['recv: errno 14']);
  });

  test('a published port is told, answers clients of the host, and is free again when the guest has ended', async ({
    expect,
  }) => {
    await using bench = new WasmBench();
    const { id, logs } = await bench.up(wasmService('echo', 'datagrams', ['echo', '53'], { ports: [udpPort(53)] }));
    await logs.until('bound to 53');
    const port = (await bench.observe(id))?.ports[0];
    expect(port).toMatchObject({ protocol: 'udp', target: 53, hostIp: '127.0.0.1' });
    const client = createSocket('udp4');
    const answered = once(client, 'message');
    client.send('hello', port?.published ?? 0, '127.0.0.1');
    expect(String((await answered)[0])).toBe('127.0.0.1 said hello');
    client.send('quit', port?.published ?? 0, '127.0.0.1');
    expect((await bench.until(id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
    client.close();
    expect(bench.fabric.doors.size).toBe(0);
    const next = createSocket('udp4');
    next.bind(port?.published, '127.0.0.1');
    await once(next, 'listening');
    next.close();
  });
});

describe('programs that bring their own resolver ask that of the networks', () => {
  for (const way of ['dns-udp', 'dns-tcp']) {
    test(way, async ({ expect }) => {
      await using bench = new WasmBench();
      bench.fabric.names.set('db.internal', ['10.1.2.3']);
      const found = await bench.up(wasmService('asker', 'datagrams', [way, 'db.internal']));
      expect((await bench.until(found.id, 'exited')).exit).toEqual({ how: 'code', code: 0 });
      expect(found.logs.text('stdout')).toEqual(['address: 10.1.2.3']);
      const none = await bench.up(wasmService('other', 'datagrams', [way, 'nobody']));
      await bench.until(none.id, 'exited');
      expect(none.logs.text('stdout')).toEqual(['no such name: rcode 3']);
    });
  }
});

test('a guest with the socket functions of WAMR resolves, connects and talks', async ({ expect }) => {
  await using bench = new WasmBench();
  await using server = createServer((socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  bench.fabric.names.set('db', ['10.1.2.3']);
  bench.fabric.verdicts.set('10.1.2.3:5432', { to: 'tcp', host: '127.0.0.1', port });
  const { id, logs } = await bench.up(wasmService('old', 'wamr', ['db', '5432', 'ping']));
  await bench.until(id, 'exited');
  expect(logs.text('stdout')).toEqual(['resolved 10.1.2.3', 'from 10.90.0.2', 'to port 5432', 'answer: ping']);
});
