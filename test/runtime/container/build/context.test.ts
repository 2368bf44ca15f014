import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { extract } from 'tar-stream';
import { describe, test as base } from 'vitest';

import type { ImageBuild } from '../../../../src/model/image-build.ts';
import { parseIgnored } from '../../../../src/runtime/container/build/context-files.ts';
import { openBuildContext } from '../../../../src/runtime/container/build/context.ts';
import { imageBuild } from '../../../plan/fixtures.ts';

const test = base.extend<{ root: string }>({
  // oxlint-disable-next-line no-empty-pattern -- the form that vitest wants
  root: async ({}, use) => {
    const root = mkdtempSync(join(tmpdir(), 'wc-context-'));
    await use(root);
    rmSync(root, { recursive: true, force: true });
  },
});

const signal = AbortSignal.timeout(30_000);

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

/** What the builder would unpack: `name` -> `type mode [-> link]`. */
async function sent(build: ImageBuild): Promise<Record<string, string>> {
  const context = await openBuildContext(build, signal);
  const entries: Record<string, string> = {};
  if (context.kind !== 'files') return entries;
  const reader = extract();
  context.tar.on('error', (error) => reader.destroy(error));
  context.tar.pipe(reader);
  for await (const { header } of reader)
    entries[header.name] = `${header.type}${header.linkname ? ` -> ${header.linkname}` : ''}`;
  return entries;
}

describe('.dockerignore', () => {
  const files = {
    Dockerfile: 'FROM scratch',
    'a.txt': '',
    'b.md': '',
    'src/x.ts': '',
    'src/deep/y.ts': '',
    'node_modules/m/index.js': '',
    'node_modules/keep/me.js': '',
  };
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'nothing',
      '',
      ['a.txt', 'b.md', 'src/x.ts', 'src/deep/y.ts', 'node_modules/m/index.js', 'node_modules/keep/me.js'],
    ],
    [
      'comments and empty lines',
      '# a.txt\n\n  \nb.md\n',
      ['a.txt', 'src/x.ts', 'src/deep/y.ts', 'node_modules/m/index.js', 'node_modules/keep/me.js'],
    ],
    ['a directory', 'node_modules', ['a.txt', 'b.md', 'src/x.ts', 'src/deep/y.ts']],
    ['a directory with slashes', '/node_modules/', ['a.txt', 'b.md', 'src/x.ts', 'src/deep/y.ts']],
    [
      'a star is one level',
      '*.ts',
      ['a.txt', 'b.md', 'src/x.ts', 'src/deep/y.ts', 'node_modules/m/index.js', 'node_modules/keep/me.js'],
    ],
    ['two stars are all levels', '**/*.ts\nnode_modules', ['a.txt', 'b.md']],
    [
      'what comes back below an ignored directory',
      'node_modules\n!node_modules/keep',
      ['a.txt', 'b.md', 'src/x.ts', 'src/deep/y.ts', 'node_modules/keep/me.js'],
    ],
    ['everything but what is named', '*\n!src/deep', ['src/deep/y.ts']],
    ['the last that matches wins', '!a.txt\n*.txt\nsrc\nnode_modules', ['b.md']],
    ['a star that brings back', '**\n!**/*.md', ['b.md']],
  ];
  for (const [what, ignore, expected] of cases) {
    test(what, async ({ expect, root }) => {
      write(root, { ...files, ...(ignore === '' ? {} : { '.dockerignore': ignore }) });
      const names = Object.entries(await sent(imageBuild({ context: root })))
        .filter(([name, type]) => type === 'file' && !/^\.docker|^Dockerfile$/.test(name))
        .map(([name]) => name);
      expect(names.toSorted()).toEqual([...expected].toSorted());
    });
  }

  test('the one beside the Dockerfile wins', async ({ expect, root }) => {
    write(root, { Dockerfile: 'FROM scratch', 'Dockerfile.dockerignore': 'a', '.dockerignore': 'b', a: '', b: '' });
    expect(Object.keys(await sent(imageBuild({ context: root })))).toEqual([
      '.dockerignore',
      'Dockerfile',
      'Dockerfile.dockerignore',
      'b',
    ]);
  });

  test('a whole directory is not looked at where nothing in it can come back', ({ expect }) => {
    const rules = parseIgnored('node_modules\n!src/a');
    expect(rules.ignores('node_modules')).toBe(true);
    expect(rules.mayReturn('node_modules')).toBe(false);
    expect(rules.mayReturn('src')).toBe(true);
  });
});

describe('the archive of a context', () => {
  test('keeps modes, links and hard links, and leaves sockets out', async ({ expect, root }) => {
    write(root, { Dockerfile: 'FROM scratch', 'd/a': 'text' });
    chmodSync(join(root, 'd/a'), 0o750);
    symlinkSync('a', join(root, 'd/link'));
    symlinkSync('/nowhere', join(root, 'd/broken'));
    linkSync(join(root, 'd/a'), join(root, 'd/b'));
    const server = createServer().listen(join(root, 'd/s.sock'));
    await once(server, 'listening');
    try {
      expect(await sent(imageBuild({ context: root }))).toEqual({
        Dockerfile: 'file',
        'd/': 'directory',
        'd/a': 'file',
        'd/b': 'link -> d/a',
        'd/broken': 'symlink -> /nowhere',
        'd/link': 'symlink -> a',
      });
    } finally {
      server.close();
    }
  });

  test('a Dockerfile elsewhere, an ignored one and one in the compose file are sent by another name', async ({
    expect,
    root,
  }) => {
    write(root, {
      'ctx/a': '',
      'ctx/.dockerignore': 'Own\n.dockerignore',
      'ctx/Own': 'FROM scratch',
      Other: 'FROM scratch',
    });
    const context = join(root, 'ctx');
    for (const over of [{ dockerfile: '../Other' }, { dockerfile: 'Own' }, { dockerfileInline: 'FROM scratch' }]) {
      expect(Object.keys(await sent(imageBuild({ context, ...over })))).toEqual(['a', '.dockerfile.67c4282c6928ae38']);
    }
  });

  const missing: readonly (readonly [string, Partial<ImageBuild>, string])[] = [
    ['no Dockerfile', {}, 'Dockerfile '],
    ['no context', { context: '/nonexistent/here' }, 'build context /nonexistent/here does not exist'],
    ['a file for a context', { context: '/etc/hosts' }, 'build context /etc/hosts is not a directory'],
  ];
  for (const [what, over, message] of missing) {
    test(`${what} is an error with its place`, async ({ expect, root }) => {
      await expect(openBuildContext(imageBuild({ context: root, ...over }), signal)).rejects.toMatchObject({
        code: 'ERR_BUILD_FAILED',
        message: expect.stringContaining(message),
        source: { file: 'compose.yaml' },
      });
    });
  }

  test('a file that becomes shorter meanwhile is an error that names it', async ({ expect, root }) => {
    write(root, { Dockerfile: 'FROM scratch' });
    const big = join(root, 'big');
    writeFileSync(big, Buffer.alloc(16 * 1024 * 1024));
    const context = await openBuildContext(imageBuild({ context: root }), signal);
    const read = async (): Promise<void> => {
      if (context.kind !== 'files') return;
      let first = true;
      for await (const chunk of context.tar) {
        // It has been opened: its size stands in the archive already.
        if (!first && (chunk as Buffer).length > 1024) truncateSync(big, 0);
        first = false;
      }
    };
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_BUILD_FAILED',
      message: `${big} became shorter while it was sent to the builder`,
    });
  });
});
