import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test as base } from 'vitest';

import { registryAuth, serverOf } from '../../src/registry/credentials.ts';

const test = base.extend<{ home: string }>({
  // oxlint-disable-next-line no-empty-pattern -- the form that vitest wants
  home: async ({}, use) => {
    const home = mkdtempSync(join(tmpdir(), 'wc-auth-'));
    await use(home);
    rmSync(home, { recursive: true, force: true });
  },
});

const signal = AbortSignal.timeout(10_000);

async function ask(home: string, config: object | string, image: string): Promise<unknown> {
  mkdirSync(join(home, '.docker'), { recursive: true });
  writeFileSync(join(home, '.docker', 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  const auth = await registryAuth(image, { HOME: home, PATH: `${home}:${process.env['PATH']}` }, signal);
  return auth === undefined ? undefined : JSON.parse(Buffer.from(auth, 'base64url').toString());
}

function helper(home: string, name: string, script: string): void {
  const path = join(home, `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

const secret = Buffer.from('me:pass:word').toString('base64');
const HUB = 'https://index.docker.io/v1/';

describe('which registry an image comes from', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['nginx', HUB],
    ['library/nginx:1', HUB],
    ['docker.io/nginx', HUB],
    ['ghcr.io/a/b', 'ghcr.io'],
    ['localhost/a', 'localhost'],
    ['localhost:5000/a@sha256:abc', 'localhost:5000'],
  ];
  for (const [image, server] of cases) {
    test(image, ({ expect }) => {
      expect(serverOf(image)).toBe(server);
    });
  }
});

describe('what docker login has stored', () => {
  test('a name and a password, which may hold a colon', async ({ expect, home }) => {
    expect(await ask(home, { auths: { 'ghcr.io': { auth: secret } } }, 'ghcr.io/a/b')).toEqual({
      username: 'me',
      password: 'pass:word',
      serveraddress: 'ghcr.io',
    });
  });

  test('under an address', async ({ expect, home }) => {
    expect(await ask(home, { auths: { 'https://ghcr.io/v2/': { auth: secret } } }, 'ghcr.io/a/b')).toMatchObject({
      username: 'me',
    });
  });

  test('a token', async ({ expect, home }) => {
    expect(await ask(home, { auths: { [HUB]: { auth: secret, identitytoken: 'tok' } } }, 'nginx')).toEqual({
      identitytoken: 'tok',
      serveraddress: HUB,
    });
  });

  test('nothing for this registry, nothing at all, or no JSON', async ({ expect, home }) => {
    expect(await ask(home, { auths: { 'ghcr.io': { auth: secret } } }, 'quay.io/a')).toBeUndefined();
    expect(await ask(home, {}, 'nginx')).toBeUndefined();
    expect(await ask(home, 'oops', 'nginx')).toBeUndefined();
  });
});

test('is sent with its padding, in the alphabet of addresses', async ({ expect, home }) => {
  const lengths = new Set<number>();
  for (const name of ['a', 'ab', 'abc']) {
    mkdirSync(join(home, '.docker'), { recursive: true });
    const auth = Buffer.from(`${name}:ÿ?>`).toString('base64');
    writeFileSync(join(home, '.docker', 'config.json'), JSON.stringify({ auths: { 'ghcr.io': { auth } } }));
    const sent = (await registryAuth('ghcr.io/a', { HOME: home }, signal)) ?? '';
    expect(sent).toMatch(/^[\w-]+={0,2}$/);
    lengths.add(sent.length % 4);
  }
  expect([...lengths]).toEqual([0]);
});

describe('a credential helper', () => {
  test('is asked for the registry', async ({ expect, home }) => {
    helper(home, 'test', 'read -r server; echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$server\\"}"');
    expect(await ask(home, { credHelpers: { 'ghcr.io': 'test' } }, 'ghcr.io/a')).toEqual({
      username: 'get',
      password: 'ghcr.io',
      serveraddress: 'ghcr.io',
    });
  });

  test('may answer with a token', async ({ expect, home }) => {
    helper(home, 'test', 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"tok\\"}"');
    expect(await ask(home, { credsStore: 'test' }, 'nginx')).toEqual({ identitytoken: 'tok', serveraddress: HUB });
  });

  test('may know nothing', async ({ expect, home }) => {
    helper(home, 'test', 'echo "credentials not found in native keychain"; exit 1');
    expect(await ask(home, { credsStore: 'test' }, 'nginx')).toBeUndefined();
  });

  test('that does not exist is an error that names it', async ({ expect, home }) => {
    await expect(ask(home, { credsStore: 'gone' }, 'nginx')).rejects.toThrow(
      `the credential helper docker-credential-gone cannot be asked for ${HUB}`,
    );
  });
});
