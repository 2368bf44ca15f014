import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { execa } from 'execa';
import { test } from 'vitest';

import { relayProgram } from './relay-process.ts';

async function remove(
  path: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(relayProgram, ['rm', path], { reject: false });
  return { code: exitCode ?? -1, stdout, stderr };
}

/** `<base>/volume` is to be emptied, `<base>/outside` is not. */
function makeTree(): Disposable & { readonly base: string; readonly volume: string; readonly outside: string } {
  const base = mkdtempSync(join(tmpdir(), 'wcrm-'));
  const [volume, outside] = [join(base, 'volume'), join(base, 'outside')];
  mkdirSync(volume);
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'x');
  return { base, volume, outside, [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }) };
}

test('removes what is in the directory and nothing a link points to', async ({ expect }) => {
  using tree = makeTree();
  mkdirSync(join(tree.volume, 'a/b/c'), { recursive: true });
  writeFileSync(join(tree.volume, 'a/b/file'), 'x');
  writeFileSync(join(tree.volume, '.hidden'), 'x');
  symlinkSync(tree.outside, join(tree.volume, 'link'));
  symlinkSync(tree.outside, join(tree.volume, 'a/b/link'));
  symlinkSync('..', join(tree.volume, 'a/up'));
  symlinkSync('/nowhere', join(tree.volume, 'dangling'));
  expect(await remove(tree.volume)).toEqual({ code: 0, stdout: 'cleared', stderr: '' });
  expect(readdirSync(tree.volume)).toEqual([]);
  expect(existsSync(join(tree.outside, 'precious'))).toBe(true);
});

test('an empty directory is cleared already', async ({ expect }) => {
  using tree = makeTree();
  expect((await remove(tree.volume)).stdout).toBe('cleared');
});

test('does not begin at a symbolic link', async ({ expect }) => {
  using tree = makeTree();
  symlinkSync(tree.outside, join(tree.base, 'link'));
  const result = await remove(join(tree.base, 'link'));
  expect(result.code).toBe(1);
  expect(result.stdout).toBe('');
  expect(existsSync(join(tree.outside, 'precious'))).toBe(true);
});

test('says when there is no such directory', async ({ expect }) => {
  using tree = makeTree();
  expect((await remove(join(tree.base, 'missing'))).stderr).toContain('No such file');
});

test('directories nested far deeper than any path can name', async ({ expect }) => {
  using tree = makeTree();
  const nest = `const { mkdirSync, writeFileSync } = require('node:fs');
    for (let n = 0; n < 3000; n++) { mkdirSync('d'); process.chdir('d'); }
    writeFileSync('file', '');`;
  await execa(process.execPath, ['-e', nest], { cwd: tree.volume });
  expect(await remove(tree.volume)).toEqual({ code: 0, stdout: 'cleared', stderr: '' });
  expect(readdirSync(tree.volume)).toEqual([]);
});

test('thousands of names in one directory', async ({ expect }) => {
  using tree = makeTree();
  for (let n = 0; n < 5_000; n++) writeFileSync(join(tree.volume, `file-${n}`), '');
  expect((await remove(tree.volume)).stdout).toBe('cleared');
  expect(readdirSync(tree.volume)).toEqual([]);
});
