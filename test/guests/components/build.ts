import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { compileC, guestPath } from '../build.ts';

/*
 * Components of the tests. Those in C are made with what package.json has; a command needs the adapter from preview1
 * that the jco package carries, and JavaScript needs componentize-js: both are installed, in pinned versions, into the
 * cache beside what is built.
 */
const COMPONENTS = {
  http: { from: 'c', world: 'http-server', version: '0.2.0' },
  stranger: { from: 'wit', world: 'stranger', version: '0.2.0' },
  everything: { from: 'wit', world: 'everything', version: '0.2.8' },
  library: { from: 'wit', world: 'library', version: '0.2.0' },
  tool: { from: 'preview1' },
  javascript: { from: 'javascript' },
} as const satisfies Readonly<Record<string, Recipe>>;

type Recipe =
  | { readonly from: 'c' | 'wit'; readonly world: string; readonly version: string }
  | { readonly from: 'preview1' }
  | { readonly from: 'javascript' };

export type ComponentName = keyof typeof COMPONENTS;

const HERE = import.meta.dirname;
const OUT = path.join(HERE, '..', '..', '..', 'node_modules', '.cache', 'wcompose-components');
const TOOLS = { '@bytecodealliance/jco': '1.15.1', '@bytecodealliance/componentize-js': '0.19.3' };

/** Where the component is. It is built when it is not there in this version; two processes may do it at once. */
export async function buildComponent(name: ComponentName): Promise<string> {
  const target = path.join(OUT, `${name}-${stamp(name)}.wasm`);
  if (existsSync(target)) return target;
  mkdirSync(OUT, { recursive: true });
  const bytes = await make(COMPONENTS[name]);
  const temporary = `${target}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, target);
  return target;
}

async function make(recipe: Recipe): Promise<Uint8Array> {
  const { componentEmbed, componentNew } = await import('@bytecodealliance/jco-transpile/wasm-tools');
  switch (recipe.from) {
    case 'c': {
      const flags = [...FLAGS, `-DVERSION="${recipe.version}"`];
      const binary = await compileC('http.c', { 'http.c': read('http.c') }, flags);
      return await componentNew(
        await componentEmbed({ binary, witSource: wit(recipe.version), world: recipe.world }),
        [],
      );
    }
    case 'wit': {
      const dummy = { dummy: true, witSource: wit(recipe.version), world: recipe.world };
      return await componentNew(await componentEmbed(dummy), []);
    }
    case 'preview1': {
      const adapter = path.join(await tools(), '@bytecodealliance/jco/lib/wasi_snapshot_preview1.command.wasm');
      const module = readFileSync(guestPath('tool'));
      return await componentNew(module, [['wasi_snapshot_preview1', readFileSync(adapter)]]);
    }
    case 'javascript':
      return await componentize();
  }
}

/** In a process of its own: the compiler reads and writes where the process is. */
async function componentize(): Promise<Uint8Array> {
  const modules = await tools();
  const out = path.join(OUT, `javascript.${randomBytes(4).toString('hex')}`);
  const script = `
    import { componentize } from ${JSON.stringify(path.join(modules, '@bytecodealliance/componentize-js/src/componentize.js'))};
    import { readFileSync, writeFileSync } from 'node:fs';
    const [source, wit, out] = process.argv.slice(1);
    const { component } = await componentize(readFileSync(source, 'utf8'), { witWorld: wit, worldName: 'javascript' });
    writeFileSync(out, component);
  `;
  const args = ['--input-type=module', '-e', script, path.join(HERE, 'server.js'), wit('0.2.3'), out];
  await promisify(execFile)(process.execPath, args, { cwd: OUT });
  const bytes = readFileSync(out);
  rmSync(out);
  return bytes;
}

/** The node_modules of the tools. */
async function tools(): Promise<string> {
  const target = path.join(OUT, `tools-${hash(JSON.stringify(TOOLS))}`);
  if (!existsSync(target)) {
    const temporary = `${target}.${randomBytes(4).toString('hex')}`;
    mkdirSync(temporary, { recursive: true });
    const packages = Object.entries(TOOLS).map(([name, version]) => `${name}@${version}`);
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock', '--prefix', temporary];
    await promisify(execFile)('npm', ['install', ...flags, ...packages], { cwd: temporary });
    try {
      renameSync(temporary, target);
    } catch {
      // ENOTEMPTY: another process was faster.
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  return path.join(target, 'node_modules');
}

function wit(version: string): string {
  return read('wasi.wit').replaceAll('VERSION', version);
}

function stamp(name: ComponentName): string {
  const recipe: Recipe = COMPONENTS[name];
  const about = JSON.stringify(recipe);
  switch (recipe.from) {
    case 'c':
      return hash([about, ...FLAGS, read('http.c'), read('wasi.wit')].join('\0'));
    case 'wit':
      return hash([about, read('wasi.wit')].join('\0'));
    case 'preview1':
      return hash([about, JSON.stringify(TOOLS), guestPath('tool')].join('\0'));
    case 'javascript':
      return hash([about, JSON.stringify(TOOLS), read('server.js'), read('wasi.wit')].join('\0'));
  }
}

function read(file: string): string {
  return readFileSync(path.join(HERE, file), 'utf8');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

const FLAGS = ['--target=wasm32', '-O2', '-mbulk-memory', '-nostdlib', '-fno-builtin', '-Wall', '-Wl,--no-entry'];
