import { mkdtempDisposableSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import type { LogSink } from '../../../src/logs/record.ts';
import type { ModuleBuild } from '../../../src/model/project.ts';
import { buildModule } from '../../../src/supervisor/build-module.ts';
import { here, wasm } from '../../plan/fixtures.ts';

const never = new AbortController().signal;
const api = wasm('api');

class Lines implements LogSink {
  text = '';
  write(_stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    this.text += Buffer.from(chunk).toString();
  }
  system(): void {}
  flush(): void {}
}

function build(output: string, script: string): ModuleBuild {
  return { command: ['/bin/sh', '-c', script], output, source: here };
}

describe('building a module on the host', () => {
  test('the command runs in the directory of the project and its output is the log', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-build-'));
    const logs = new Lines();
    const output = join(dir.path, 'api.wasm');
    await buildModule(api, build(output, 'echo compiling; echo made >api.wasm'), { directory: dir.path, logs }, never);
    expect(readFileSync(output, 'utf8')).toBe('made\n');
    expect(logs.text).toBe('compiling\n');
  });

  test.for([
    ['fails', 'echo "api.c:3: error"; exit 2', [/code 2/, /api\.c:3: error/]],
    ['is ended by a signal', 'kill -9 $$', [/SIGKILL/]],
    ['makes no file', 'true', [/made no .*api\.wasm/]],
  ] as const)('a command that %s is an error with its place', async ([, script, says], { expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-build-'));
    const wanted = build(join(dir.path, 'api.wasm'), script);
    const error: unknown = await buildModule(api, wanted, { directory: dir.path, logs: new Lines() }, never).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'ERR_BUILD_FAILED', source: here });
    for (const pattern of says) expect((error as Error).message).toMatch(pattern);
  });

  test('a program that is not there is an error that names it', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-build-'));
    const wanted: ModuleBuild = { command: ['no-such-compiler'], output: join(dir.path, 'a.wasm'), source: here };
    await expect(buildModule(api, wanted, { directory: dir.path, logs: new Lines() }, never)).rejects.toMatchObject({
      code: 'ERR_BUILD_FAILED',
      hint: 'the command is: no-such-compiler',
    });
  });

  test('the last lines of a long output are enough', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-build-'));
    const wanted = build(join(dir.path, 'api.wasm'), 'seq 100000; exit 1');
    const error: unknown = await buildModule(api, wanted, { directory: dir.path, logs: new Lines() }, never).catch(
      (reason: unknown) => reason,
    );
    expect((error as Error).message.split('\n').slice(1)).toEqual(
      Array.from({ length: 20 }, (_, i) => String(99_981 + i)),
    );
  });

  test('a command is ended with the request', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-build-'));
    const stop = new AbortController();
    const logs = new Lines();
    const started = Promise.withResolvers<void>();
    logs.write = () => started.resolve();
    const wanted = build(join(dir.path, 'api.wasm'), 'echo begins; exec sleep 1000');
    const building = buildModule(api, wanted, { directory: dir.path, logs }, stop.signal);
    await started.promise;
    stop.abort();
    await expect(building).rejects.toMatchObject({ name: 'AbortError' });
  });
});
