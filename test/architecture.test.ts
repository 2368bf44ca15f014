import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { describe, test } from 'vitest';

/** Who may import whom: the whole architecture as one table. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  util: [],
  model: [],
  compose: ['model', 'util'],
  plan: ['model', 'util'],
  storage: ['model', 'util'],
  net: ['model', 'util'],
  logs: ['model', 'util'],
  registry: ['model', 'util'],
  runtime: ['model', 'util', 'logs', 'net', 'storage', 'registry'],
  control: ['model', 'util', 'plan', 'logs'],
  supervisor: ['model', 'util', 'plan', 'logs', 'net', 'storage', 'runtime', 'control'],
  ui: ['model', 'control', 'logs'],
  cli: ['model', 'compose', 'control', 'logs', 'registry', 'ui', 'util'],
};

/** Folders that know nothing of the machine they run on. */
const PURE = new Set(['model', 'plan']);

/** Third-party packages and the only places that may import them. */
const FENCES: Readonly<Record<string, RegExp>> = {
  dockerode: /^src\/runtime\/container\/engine\.ts$/,
  yaml: /^src\/compose\//,
  execa: /^src\/(supervisor\/build-module|runtime\/container\/build\/buildx)\.ts$/,
  '@balena/dockerignore': /^src\/(runtime\/container\/build|supervisor\/watch)\//,
  commander: /^src\/cli\//,
  '@wasmer/wasi': /^src\/runtime\/wasm\//,
  'tar-stream': /^src\/(runtime|storage|net|cli\/copy)\//,
};

/** `from '…'`, `import '…'` and `import('…')`; not `Buffer.from('…')`. */
const SPECIFIER = /(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*)'([^']+)'/g;

const files = globSync('src/**/*.ts', { exclude: ['src/**/*.d.ts'] }).toSorted();

function importsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(SPECIFIER)].map((match) => match[1] ?? '');
}

/** Two drivers in one folder: neither may see the other. */
function section(path: string): string {
  const [, folder = '', inner = ''] = path.split('/');
  return folder === 'runtime' && !inner.includes('.') ? `runtime/${inner}` : folder;
}

function breaks(file: string, to: string): boolean {
  const folder = file.split('/')[1] ?? '';
  if (!to.startsWith('.')) {
    const fence = FENCES[to];
    if (fence !== undefined) return !fence.test(file);
    return PURE.has(folder) || !to.startsWith('node:');
  }
  const target = normalize(join(dirname(file), to));
  const there = target.split('/')[1] ?? '';
  if (there !== folder) return !(MAY_IMPORT[folder] ?? []).includes(there);
  const [from, into] = [section(file), section(target)];
  return from.startsWith('runtime/') && into.startsWith('runtime/') && from !== into;
}

describe('architecture: a folder imports only what its row allows', () => {
  test('there are sources to check', ({ expect }) => {
    expect(files.length).toBeGreaterThan(30);
  });

  for (const file of files) {
    test(file, ({ expect }) => {
      expect(importsOf(file).filter((to) => breaks(file, to))).toEqual([]);
    });
  }

  test('the check itself sees a broken rule', ({ expect }) => {
    const broken = [
      ['src/plan/x.ts', 'node:fs'],
      ['src/cli/x.ts', '../runtime/runtime.ts'],
      ['src/supervisor/x.ts', 'dockerode'],
      ['src/runtime/wasm/x.ts', '../container/engine.ts'],
      ['src/logs/x.ts', 'left-pad'],
    ] as const;
    expect(broken.filter(([file, to]) => !breaks(file, to))).toEqual([]);
  });
});
