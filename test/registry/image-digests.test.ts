import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test as base } from 'vitest';

import { config } from '../../src/cli/commands/config.ts';
import type { CommandContext } from '../../src/cli/context.ts';
import { imagesOnly, withImageDigests } from '../../src/cli/image-digests.ts';
import { loadModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';
import { toJson } from '../../src/compose/node.ts';
import { openRegistry } from '../fake/registry.ts';

const test = base.extend<{ home: string }>({
  // oxlint-disable-next-line no-empty-pattern -- the form that vitest wants
  home: async ({}, use) => {
    const home = mkdtempSync(join(tmpdir(), 'wc-digests-'));
    await use(home);
    rmSync(home, { recursive: true, force: true });
  },
});

const signal = AbortSignal.timeout(30_000);
const LOGIN = { username: 'me', password: 'secret' };
const IMAGE = { repository: 'team/app', tag: '1' };
const HASH = `sha256:${'a'.repeat(64)}`;

async function load(dir: string, text: string): ReturnType<typeof loadModel> {
  writeFileSync(join(dir, 'compose.yaml'), text);
  const options = { cwd: dir, files: [], envFiles: [], profiles: [], services: [], env: {}, stdin: async () => '' };
  return await loadModel(options, RUN_MODEL, signal);
}

/** What the images of the file become. */
async function pinned(home: string, text: string): Promise<unknown> {
  const { model } = await load(home, text);
  return toJson(imagesOnly(await withImageDigests(model.root, { HOME: home }, signal)));
}

function logIn(home: string, host: string): void {
  mkdirSync(join(home, '.docker'));
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
}

describe('images with the digests of their registries', () => {
  test('one question for an image that several services use; a digest that is there is not asked for', async ({
    expect,
    home,
  }) => {
    await using registry = await openRegistry(IMAGE);
    const image = `${registry.host}/team/app:1`;
    const text = `services: {a: {image: "${image}"}, b: {image: "${image}"}, c: {image: "x:1@${HASH}"}, d: {build: .}}`;
    expect(await pinned(home, text)).toEqual({
      services: {
        a: { image: `${image}@${registry.digest}` },
        b: { image: `${image}@${registry.digest}` },
        c: { image: `docker.io/library/x@${HASH}` },
        d: {},
      },
    });
    // Whether it speaks without TLS, and the digest.
    expect(registry.authorizations).toEqual(['', '']);
  });

  for (const tokens of [false, true]) {
    const way = tokens ? 'with a token' : 'at once';
    test(`a registry that knows its users ${way} is told who asks, after it wanted to know`, async ({
      expect,
      home,
    }) => {
      await using registry = await openRegistry({ ...IMAGE, login: LOGIN, tokens });
      logIn(home, registry.host);
      const image = `${registry.host}/team/app:1`;
      expect(await pinned(home, `services: {a: {image: "${image}"}}`)).toEqual({
        services: { a: { image: `${image}@${registry.digest}` } },
      });
      const last = tokens ? 'Bearer a-token for repository:team/app:pull' : /^Basic /;
      expect(registry.authorizations.slice(0, 2)).toEqual(['', '']);
      expect(registry.authorizations.at(-1)).toMatch(last);
    });

    test(`who is not logged in to a registry ${way} is told what to do, and where`, async ({ expect, home }) => {
      await using registry = await openRegistry({ ...IMAGE, login: LOGIN, tokens });
      const image = `${registry.host}/team/app:1`;
      await expect(pinned(home, `services:\n  a:\n    image: ${image}\n`)).rejects.toMatchObject({
        code: 'ERR_IMAGE_NOT_FOUND',
        message: `service a: ${registry.host} does not hand out ${image}: access denied, or there is none`,
        hint: `docker login ${registry.host}`,
        source: { file: 'compose.yaml', line: 3, column: 12, path: 'services.a.image' },
      });
    });
  }

  test('a registry that does not say the digest: it is that of the manifest', async ({ expect, home }) => {
    await using registry = await openRegistry({ ...IMAGE, keepsDigests: true });
    const image = `${registry.host}/team/app:1`;
    expect(await pinned(home, `services: {a: {image: "${image}"}}`)).toEqual({
      services: { a: { image: `${image}@${registry.digest}` } },
    });
  });

  test('everything that is not found is said in one run', async ({ expect, home }) => {
    await using registry = await openRegistry(IMAGE);
    const closed = await openRegistry(IMAGE);
    await closed[Symbol.asyncDispose]();
    const text = `services:\n  a:\n    image: ${registry.host}/team/app:2\n  b:\n    image: ${closed.host}/x\n  c:\n    image: Upper\n`;
    await expect(pinned(home, text)).rejects.toMatchObject({
      errors: [
        { code: 'ERR_IMAGE_NOT_FOUND', source: { line: 3 }, message: /service a: .* has no image .*app:2/ },
        { code: 'ERR_REGISTRY', source: { line: 5 }, message: /service b: .* cannot be reached .*ECONNREFUSED/ },
        { code: 'ERR_COMPOSE_INVALID', source: { line: 7 }, message: 'service c: "Upper" is no name of an image' },
      ].map(({ message, ...rest }) => ({
        ...rest,
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      })),
    });
  });

  test('lists of config ask no registry', async ({ expect, home }) => {
    const loaded = await load(home, 'services: {a: {image: "localhost:1/x"}}');
    let printed = '';
    const context = {
      output: { out: (text: string) => (printed += text) },
      signal,
      loadModel: async () => await Promise.resolve(loaded),
    } as unknown as CommandContext;
    const flags = {
      format: 'yaml',
      interpolate: true,
      normalize: true,
      pathResolution: true,
      consistency: true,
    } as const;
    await config([], { ...flags, envResolution: true, images: true, resolveImageDigests: true }, context);
    expect(printed).toBe('localhost:1/x\n');
  });
});
