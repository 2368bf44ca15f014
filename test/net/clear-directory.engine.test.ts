import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { test } from 'vitest';

import { CONFINED } from '../../src/net/relay/container.ts';
import { clearDirectory } from '../../src/net/relay/clear-directory.ts';
import { ensureRelayImage } from '../../src/net/relay/image.ts';
import { BUSYBOX, docker, openEngine } from './docker.ts';

const signal = AbortSignal.timeout(170_000);

function makeTree(): Disposable & { readonly data: string; readonly outside: string; readonly base: string } {
  const base = mkdtempSync(join(tmpdir(), 'wcclear-'));
  const [data, outside] = [join(base, 'volume'), join(base, 'outside')];
  for (const dir of [data, outside]) mkdirSync(dir);
  writeFileSync(join(outside, 'precious'), 'x');
  return { base, data, outside, [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }) };
}

async function helpers(directory: string): Promise<string> {
  return await docker('ps', '-aq', '--filter', `label=dev.wcompose.directory=${directory}`);
}

test('files of root and of strangers go, with their directories; what links point to stays', async ({ expect }) => {
  using tree = makeTree();
  const script = [
    'mkdir -p /v/db/secret && echo x > /v/db/secret/file && chmod 700 /v/db/secret && chmod 0 /v/db/secret/file',
    'mkdir /v/sticky && chmod 1777 /v/sticky && echo x > /v/sticky/file',
    'ln -s /parent/outside /v/link && ln -s / /v/db/root && ln -s ../outside /v/up',
  ];
  await docker('run', '--rm', '-v', `${tree.data}:/v`, BUSYBOX, 'sh', '-ec', script.join('\n'));
  await clearDirectory(await openEngine(), tree.data, signal);
  expect(readdirSync(tree.data)).toEqual([]);
  expect(readdirSync(tree.base).toSorted()).toEqual(['outside', 'volume']);
  expect(existsSync(join(tree.outside, 'precious'))).toBe(true);
  expect(await helpers(tree.data)).toBe('');
});

test('a directory that is a symbolic link is refused', async ({ expect }) => {
  using tree = makeTree();
  const link = join(tree.base, 'link');
  symlinkSync(tree.outside, link);
  const cleared = clearDirectory(await openEngine(), link, signal);
  await expect(cleared).rejects.toMatchObject({ code: 'ERR_MOUNT', message: expect.stringContaining(link) as string });
  expect(existsSync(join(tree.outside, 'precious'))).toBe(true);
  expect(await helpers(link)).toBe('');
});

test('what is mounted inside is left, also when it is of the same file system', async ({ expect }) => {
  using tree = makeTree();
  mkdirSync(join(tree.data, 'mounted'));
  writeFileSync(join(tree.data, 'file'), 'x');
  const engine = await openEngine();
  const image = await ensureRelayImage(engine, (await engine.info(signal)).arch, signal);
  // As clearDirectory runs it, with a mount in the way that the host could have put there.
  const result = await dockerResult([
    ...'run --rm --network none --cap-drop ALL --cap-add DAC_OVERRIDE --cap-add FOWNER'.split(' '),
    `--pids-limit=${CONFINED.PidsLimit}`,
    `--volume=${tree.data}:/v`,
    `--volume=${tree.outside}:/v/mounted`,
    image,
    'rm',
    '/v',
  ]);
  expect(result).toContain('mounted');
  expect(readdirSync(tree.data)).toEqual(['mounted']);
  expect(existsSync(join(tree.outside, 'precious'))).toBe(true);
});

async function dockerResult(args: readonly string[]): Promise<string> {
  try {
    return await docker(...args);
  } catch (error) {
    return String((error as { readonly stderr?: string }).stderr);
  }
}
