import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { Engine } from '../../../src/runtime/container/engine.ts';

const signal = AbortSignal.timeout(30_000);

/** A program that takes the place of ssh. */
function withSsh(script: string): { readonly env: NodeJS.ProcessEnv } & Disposable {
  const dir = mkdtempSync(join(tmpdir(), 'wc-ssh-'));
  const path = join(dir, 'ssh');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  const env = { HOME: dir, PATH: `${dir}:${process.env['PATH']}`, DOCKER_HOST: 'ssh://me@far.example' };
  return { env, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

describe('an Engine behind ssh', () => {
  test('is asked, and one connection serves several requests', async ({ expect }) => {
    using ssh = withSsh('echo x >>"$HOME/logins"; unset DOCKER_HOST; exec docker system dial-stdio');
    await using engine = await Engine.open(ssh.env, signal);
    expect(engine.isLocal).toBe(false);
    expect(engine.description).toBe('ssh://me@far.example (from DOCKER_HOST)');
    for (let round = 0; round < 3; round++) {
      expect(await engine.request('GET', '/info', {}, signal)).toHaveProperty('ID');
    }
    expect(readFileSync(join(ssh.env['HOME'] ?? '', 'logins'), 'utf8')).toBe('x\n');
  });

  test('that lets nobody in is an error in the words of ssh', async ({ expect }) => {
    using ssh = withSsh('echo "me@far.example: Permission denied (publickey)." >&2; exit 255');
    await expect(Engine.open(ssh.env, signal)).rejects.toMatchObject({
      code: 'ERR_ENGINE_UNREACHABLE',
      message: expect.stringContaining('Permission denied (publickey)'),
      hint: expect.stringContaining('ssh far.example docker version'),
    });
  });
});
