import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import { pack } from 'tar-stream';
import { describe, test as base } from 'vitest';

import { ImageFiles } from '../../src/storage/image-files.ts';

const test = base.extend<{ dir: string }>({
  // oxlint-disable-next-line no-empty-pattern -- the form that vitest wants
  dir: async ({}, use) => {
    const dir = mkdtempSync(join(tmpdir(), 'wc-image-'));
    await use(dir);
    rmSync(dir, { recursive: true, force: true });
  },
});

const signal = AbortSignal.timeout(30_000);

/** `name`: a text is a file, `-> x` a link, `= x` a hard link, `/` at the end a directory. */
async function layer(entries: readonly (readonly [string, string])[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, text] of entries) {
    if (name.endsWith('/')) archive.entry({ name, type: 'directory', mode: 0o755 });
    else if (text.startsWith('-> ')) archive.entry({ name, type: 'symlink', linkname: text.slice(3) });
    else if (text.startsWith('= ')) archive.entry({ name, type: 'link', linkname: text.slice(2) });
    else archive.entry({ name, mode: 0o644 }, text);
  }
  archive.finalize();
  return await buffer(archive);
}

async function saved(layers: readonly Buffer[]): Promise<Readable> {
  const archive = pack();
  const names = layers.map((_layer, at) => `${at}/layer.tar`);
  for (const [at, bytes] of layers.entries()) archive.entry({ name: names[at] ?? '' }, bytes);
  // Older Engines write the same layer once.
  archive.entry({ name: 'again/layer.tar', type: 'symlink', linkname: '../0/layer.tar' });
  archive.entry({ name: 'manifest.json' }, JSON.stringify([{ Layers: [...names, 'again/layer.tar'] }]));
  archive.finalize();
  return Readable.from(await buffer(archive));
}

function tree(root: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(join(root, below)).toSorted()) {
    const name = below === '' ? entry : `${below}/${entry}`;
    const stat = lstatSync(join(root, name));
    if (stat.isDirectory()) Object.assign(found, { [`${name}/`]: '' }, tree(root, name));
    else
      found[name] = stat.isSymbolicLink()
        ? `-> ${readlinkSync(join(root, name))}`
        : readFileSync(join(root, name), 'utf8');
  }
  return found;
}

const ID = `sha256:${'a'.repeat(64)}`;

describe('the files of an image', () => {
  const cases: readonly (readonly [string, readonly (readonly (readonly [string, string])[])[], object])[] = [
    [
      'one layer',
      [
        [
          ['a', '1'],
          ['d/', ''],
          ['d/b', '2'],
        ],
      ],
      { a: '1', 'd/': '', 'd/b': '2' },
    ],
    ['a file below a directory that no layer names', [[['d/e/f', '1']]], { 'd/': '', 'd/e/': '', 'd/e/f': '1' }],
    [
      'a hard link',
      [
        [
          ['a', '1'],
          ['b', '= a'],
        ],
      ],
      { a: '1', b: '1' },
    ],
    [
      'a name that would leave it',
      [
        [
          ['../../up', '1'],
          ['/abs', '2'],
        ],
      ],
      { up: '1', abs: '2' },
    ],
    [
      'a link that would lead what comes later out of it',
      [
        [
          ['out', '-> /etc'],
          ['up', '-> ../../..'],
          ['out/x', '1'],
          ['up/y', '2'],
        ],
      ],
      { out: '-> /etc', up: '-> ../../..', 'etc/': '', 'etc/x': '1', y: '2' },
    ],
  ];
  for (const [what, layers, expected] of cases) {
    test(what, async ({ expect, dir }) => {
      const files = new ImageFiles(join(dir, 'images'));
      const archive = await saved(await Promise.all(layers.map(layer)));
      const root = await files.unpack(ID, async () => await Promise.resolve(archive), signal);
      expect(tree(root)).toEqual(expected);
      expect(readdirSync(join(dir, 'images'))).toEqual(['a'.repeat(64)]);
    });
  }

  test('what a later layer removes and replaces, also in a compressed one', async ({ expect, dir }) => {
    const files = new ImageFiles(join(dir, 'images'));
    const one = pack();
    const below = await layer([
      ['a', '1'],
      ['b', '1'],
      ['d/x', '1'],
      ['d/y', '1'],
    ]);
    const above = await layer([
      ['.wh.a', ''],
      ['b', '2'],
      ['d/.wh..wh..opq', ''],
      ['d/z', '2'],
    ]);
    one.entry({ name: 'below' }, gzipSync(below));
    one.entry({ name: 'above' }, above);
    one.entry({ name: 'manifest.json' }, JSON.stringify([{ Layers: ['below', 'above'] }]));
    one.finalize();
    const archive = Readable.from(await buffer(one));
    expect(tree(await files.unpack(ID, async () => await Promise.resolve(archive), signal))).toEqual({
      b: '2',
      'd/': '',
      'd/z': '2',
    });
  });

  test('an archive that is not whole leaves nothing behind', async ({ expect, dir }) => {
    const files = new ImageFiles(join(dir, 'images'));
    const half = (await buffer(await saved([await layer([['a', '1']])]))).subarray(0, 1500);
    await expect(files.unpack(ID, async () => await Promise.resolve(Readable.from(half)), signal)).rejects.toThrow();
    expect(readdirSync(join(dir, 'images'))).toEqual([]);
  });

  test('what nothing is made of any more is removed', async ({ expect, dir }) => {
    const files = new ImageFiles(join(dir, 'images'));
    const root = await files.unpack(ID, async () => await saved([await layer([['app.wasm', '']])]), signal);
    await files.keepOnly([join(root, 'app.wasm')]);
    expect(await files.isUnpacked(ID)).toBe(true);
    await files.keepOnly([]);
    expect(await files.isUnpacked(ID)).toBe(false);
  });
});
