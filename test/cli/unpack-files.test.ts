import { mkdirSync, mkdtempDisposableSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { pack } from 'tar-stream';
import { describe, test } from 'vitest';

import { unpackFiles } from '../../src/cli/copy/unpack-files.ts';

const never = new AbortController().signal;

type Entry = readonly [name: string, content: string | { readonly link: string } | undefined];

function archive(...entries: readonly Entry[]): Readable {
  const packed = pack();
  for (const [name, content] of entries) {
    if (content === undefined) packed.entry({ name, type: 'directory' });
    else if (typeof content === 'string') packed.entry({ name }, content);
    else packed.entry({ name, type: 'symlink', linkname: content.link });
  }
  packed.finalize();
  return Readable.from(packed);
}

describe('an archive of an instance is not to be trusted', () => {
  test('names with .. and absolute names end below the destination', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-unpack-'));
    const destination = join(dir.path, 'to');
    mkdirSync(destination);
    const tar = archive(['x/', undefined], ['x/../../../a/escaped', 'yes'], ['/x/absolute', 'yes']);
    await unpackFiles(tar, { destination, name: 'x', owners: false }, never);
    expect(readdirSync(dir.path)).toEqual(['to']);
    expect(readdirSync(join(destination, 'x'))).toEqual(['absolute', 'escaped']);
  });

  test.for([
    ['that it brings', [['x/way', { link: '..' }] as const]],
    ['that is there', []],
  ] as const)('nothing is written through a link %s', async ([, links], { expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-unpack-'));
    const destination = join(dir.path, 'to');
    mkdirSync(join(destination, 'x'), { recursive: true });
    if (links.length === 0) symlinkSync('../..', join(destination, 'x/way'));
    const tar = archive(['x/', undefined], ...links, ['x/way/escaped', 'no']);
    const done = unpackFiles(tar, { destination, name: 'x', owners: false }, never);
    await expect(done).rejects.toMatchObject({ code: 'ERR_USAGE' });
    expect(readdirSync(dir.path)).toEqual(['to']);
  });

  test('a file replaces a link and not what it points at; a directory stays', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-unpack-'));
    writeFileSync(join(dir.path, 'precious'), 'precious');
    symlinkSync('precious', join(dir.path, 'file'));
    mkdirSync(join(dir.path, 'kept'));
    await unpackFiles(archive(['file', 'new']), { destination: dir.path, name: 'file', owners: false }, never);
    expect(readFileSync(join(dir.path, 'precious'), 'utf8')).toBe('precious');
    expect(readFileSync(join(dir.path, 'file'), 'utf8')).toBe('new');
    const over = unpackFiles(archive(['kept', 'x']), { destination: dir.path, name: 'kept', owners: false }, never);
    await expect(over).rejects.toMatchObject({ message: expect.stringContaining('is a directory') });
  });
});
