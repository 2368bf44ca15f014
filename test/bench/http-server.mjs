/*
 * A server of test/bench/http.mjs, cgi.mjs and component.mjs: `node http-server.mjs node|wasm|cgi|component [file]`;
 * prints the port that it serves.
 */
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';

if (process.argv[2] === 'node') {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 13 });
    response.end('Hello, World!');
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
} else await serveWasm(process.argv[2] === 'component' ? process.argv[3] : undefined);

/**
 * As the supervisor runs a service: in a thread of this process that owns the published port. A component is in its own
 * file; else it is the server that polls.
 */
async function serveWasm(component) {
  const source = process.env.WCOMPOSE_SRC ?? new URL('../../', import.meta.url).pathname;
  const { createWasmRuntime } = await import(`${source}/src/runtime/wasm/driver.ts`);
  const { FakeFabric } = await import('../fake/fabric.ts');
  const { tcpPort, wasmService } = await import('../fake/wasm-service.ts');
  const runtime = createWasmRuntime({ fabric: new FakeFabric() });
  const never = new AbortController().signal;
  const ports = [tcpPort(8080)];
  const own =
    process.argv[2] === 'cgi'
      ? wasmService('web', 'cgi', [], { interface: 'cgi', ports })
      : wasmService('web', 'http-poll', ['8080'], { ports });
  const service =
    component === undefined
      ? own
      : wasmService('web', { path: component }, [], { ports, http: { instances: process.argv[4] ?? 'per-request' } });
  const logs = { write: () => undefined, system: (text) => process.stderr.write(`${text}\n`), flush: () => undefined };
  const about = { project: 'bench', index: 1, configHash: '', mounts: [], networks: [], workingDir: tmpdir() };
  await runtime.create({ ...about, id: 'web#1', service, configFiles: [], logs }, never);
  await runtime.start('web#1', never);
  const [instance] = await runtime.observe('bench', never);
  process.stdout.write(`${instance.ports[0].published}\n`);
}
