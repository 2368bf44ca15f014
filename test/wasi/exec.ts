/**
 * Runs one module on our WASI host, as an executor for the public wasi-testsuite:
 *
 *     node test/wasi/exec.ts '{"wasm": "x.wasm", "args": [], "env": {}, "root": "dir" | null, "files": "host"}'
 *
 * `root` is preopened as `/`: itself, or with `"files": "memory"` a copy of it in memory. The exit code is the guest's;
 * 134 after a trap, whose backtrace goes to stderr.
 */
import fs from 'node:fs';
import path from 'node:path';
import { exitCode } from '../../src/model/state.ts';
import { systemClock } from '../../src/runtime/wasm/wasi/clock.ts';
import type { Mount } from '../../src/runtime/wasm/wasi/fs/directory.ts';
import { memoryRoot } from '../../src/runtime/wasm/wasi/fs/memory-directory.ts';
import { buildRoot } from '../../src/runtime/wasm/wasi/fs/root.ts';
import { WasiHost } from '../../src/runtime/wasm/wasi/host.ts';

export interface ExecRequest {
  readonly wasm: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string | null;
  readonly files?: 'host' | 'memory';
}

const request = JSON.parse(process.argv[2] ?? '') as ExecRequest;
const { args = [], env = {}, root, files = 'host' } = request;
const clock = systemClock();
const nowNs = (): bigint => clock.realtimeNs();
const host = new WasiHost({
  args: [path.basename(request.wasm), ...args],
  env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
  stdout: (chunk) => void fs.writeSync(1, chunk),
  stderr: (chunk) => void fs.writeSync(2, chunk),
  mounts: root === undefined || root === null ? [] : [files === 'host' ? hostMount(root) : memoryMount(root)],
});
const exit = await host.run(await WebAssembly.compile(fs.readFileSync(request.wasm)));
if (exit.how === 'trap') fs.writeSync(2, `trap: ${exit.message}\n${exit.backtrace.join('\n')}\n`);
process.exitCode = exitCode(exit);

function hostMount(hostPath: string): Mount {
  return buildRoot([{ kind: 'host', guestPath: '/', hostPath, readOnly: false }], { nowNs });
}

function memoryMount(copied: string): Mount {
  const directory = memoryRoot({ nowNs });
  for (const entry of fs.readdirSync(copied, { recursive: true, withFileTypes: true })) {
    const from = path.join(entry.parentPath, entry.name);
    const to = path.relative(copied, from);
    if (entry.isDirectory()) directory.addDirectory(to);
    else if (entry.isSymbolicLink()) directory.addLink(to, fs.readlinkSync(from));
    else directory.addFile(to, fs.readFileSync(from));
  }
  return buildRoot([{ kind: 'directory', guestPath: '/', directory }], { nowNs });
}
