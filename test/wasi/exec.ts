/**
 * Runs one module on our WASI host, as an executor for the public wasi-testsuite:
 *
 *     node test/wasi/exec.ts '{"wasm": "x.wasm", "args": [], "env": {}, "root": "dir" | null}'
 *
 * `root` is preopened as `/`. The exit code is the guest's; 134 after a trap, whose backtrace goes to stderr.
 */
import fs from 'node:fs';
import path from 'node:path';
import { exitCode } from '../../src/model/state.ts';
import { systemClock } from '../../src/runtime/wasm/wasi/clock.ts';
import { buildRoot } from '../../src/runtime/wasm/wasi/fs/root.ts';
import { WasiHost } from '../../src/runtime/wasm/wasi/host.ts';

interface Request {
  readonly wasm: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string | null;
}

const request = JSON.parse(process.argv[2] ?? '') as Request;
const { args = [], env = {}, root } = request;
const clock = systemClock();
const nowNs = (): bigint => clock.realtimeNs();
const mount = (hostPath: string) => buildRoot([{ kind: 'host', guestPath: '/', hostPath, readOnly: false }], { nowNs });
const host = new WasiHost({
  args: [path.basename(request.wasm), ...args],
  env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
  stdout: (chunk) => fs.writeSync(1, chunk),
  stderr: (chunk) => fs.writeSync(2, chunk),
  mounts: root == null ? [] : [mount(root)],
});
const exit = await host.run(await WebAssembly.compile(fs.readFileSync(request.wasm)));
if (exit.how === 'trap') fs.writeSync(2, `trap: ${exit.message}\n${exit.backtrace.join('\n')}\n`);
process.exitCode = exitCode(exit);
