import { createHash } from 'node:crypto';

import { WcError } from '../../../model/diagnostic.ts';
import type { ImportGroup, MissingImport, ModuleReport, SizeLimits } from '../../../model/module-report.ts';
import { BinaryFormatError } from '../binary-reader.ts';
import { moduleLayer } from '../cap-limits.ts';
import { missingImports } from '../check-imports.ts';
import { parseComponent } from '../component/parse.ts';
import { missingImports as missingOfComponent } from '../component/prepare.ts';
import { providerOf } from '../component/providers.ts';
import { UnsupportedComponentError } from '../component/unsupported.ts';
import { dialectOf } from '../dialects.ts';
import { type Component, readComponent } from './component.ts';
import { type CoreModule, type Custom, readCoreModule } from './core-module.ts';
import { SPAWN, THREAD_ENTRY } from '../threads/messages.ts';
import { grantsOf } from './grants.ts';
import { languagesOf } from './producers.ts';
import type { Limits } from './value-types.ts';

/** What `inspect-module` tells of these bytes. ERR_MODULE_INVALID: they are no WebAssembly. */
export function moduleReport(bytes: Uint8Array, from: string): ModuleReport {
  const layer = moduleLayer(bytes);
  if (layer === 'unknown') {
    throw new WcError('ERR_MODULE_INVALID', `${from} is not a WebAssembly file`, { hint: whatItIs(bytes) });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const base = { from, sha256, bytes: bytes.length };
  try {
    return layer === 'module' ? ofModule(readCoreModule(bytes), base) : ofComponent(readComponent(bytes), bytes, base);
  } catch (error) {
    if (!(error instanceof BinaryFormatError)) throw error;
    throw new WcError('ERR_MODULE_INVALID', `${from} cannot be read: ${error.message}`, {
      hint: 'it is damaged or was cut off: build or copy it again',
      cause: error,
    });
  }
}

type Base = Pick<ModuleReport, 'from' | 'sha256' | 'bytes'>;

function ofModule(module: CoreModule, base: Base): ModuleReport {
  const { imports, exports, custom } = module;
  const missing = missingImports(imports).map(({ name, dialect }): MissingImport => ({
    name,
    dialect: dialect.name,
    hint: dialect.hint,
  }));
  const imported = (kind: string): readonly SizeLimits[] =>
    imports.flatMap((one) => (one.kind === kind && one.limits !== undefined ? [sizes(one.limits, true)] : []));
  return {
    ...base,
    kind: 'module',
    wasi: wasiOfModule(imports),
    languages: languagesOf(custom, imports),
    imports: groups(imports.map((one) => ({ ...dialectOf(one), text: `${one.module}.${one.name}` }))),
    exports,
    memories: [...imported('memory'), ...module.memories.map((one) => sizes(one, false))],
    tables: [...imported('table'), ...module.tables.map((one) => sizes(one, false))],
    hasStart: module.hasStart,
    functions: module.functions,
    codeBytes: module.codeBytes,
    dataBytes: module.dataBytes,
    custom: custom.map(sectionSize),
    inner: { modules: 0, components: 0 },
    granted: grantsOf(imports),
    missing,
    problem: problemOf(module),
  };
}

function ofComponent(component: Component, bytes: Uint8Array, base: Base): ModuleReport {
  const checked = checkComponent(bytes);
  const { imports, exports, custom, modules, components } = component;
  return {
    ...base,
    kind: 'component',
    wasi: wasiOfComponent([...imports, ...exports]),
    languages: languagesOf(custom, []),
    imports: groups(
      imports.map(({ name }) => ({
        name: name.split('/')[0] ?? name,
        isProvided: !checked.missing.some((one) => one.name.startsWith(name)),
        text: name,
      })),
    ),
    exports,
    memories: [],
    tables: [],
    hasStart: false,
    functions: 0,
    codeBytes: component.moduleBytes,
    dataBytes: 0,
    custom: custom.map(sectionSize),
    inner: { modules, components },
    granted: [],
    ...checked,
  };
}

/** What the host lacks for it. */
function checkComponent(bytes: Uint8Array): Pick<ModuleReport, 'missing' | 'problem'> {
  try {
    const missing = missingOfComponent(parseComponent(bytes).root);
    return {
      missing: missing.map((name) => ({ name, dialect: 'component', hint: providerOf(name) })),
      problem: undefined,
    };
  } catch (error) {
    if (!(error instanceof UnsupportedComponentError)) throw error;
    return { missing: [], problem: `it needs what the host does not have: ${error.message}` };
  }
}

function groups(
  imports: readonly { readonly name: string; readonly isProvided: boolean; readonly text: string }[],
): readonly ImportGroup[] {
  return [...Map.groupBy(imports, ({ name }) => name)].map(([dialect, group]) => ({
    dialect,
    isProvided: group.every(({ isProvided }) => isProvided),
    names: [...new Set(group.map(({ text }) => text))],
  }));
}

function wasiOfModule(imports: CoreModule['imports']): string | undefined {
  const modules = new Set(imports.map(({ module }) => module));
  if (modules.has('wasi_snapshot_preview1')) return 'wasip1';
  return modules.has('wasi_unstable') ? 'wasip0' : undefined;
}

/** `wasi:cli/run@0.2.6`; the highest of them, as they go together. */
function wasiOfComponent(names: readonly { readonly name: string }[]): string | undefined {
  const versions = names.flatMap(({ name }) => /^wasi:[^@]*@(.+)$/.exec(name)?.[1] ?? []);
  return versions.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))[0];
}

function problemOf({ exports, imports, memories }: CoreModule): string | undefined {
  if (memories.some(({ is64Bit }) => is64Bit)) return 'it needs a 64-bit memory, which is not supported';
  const imported = imports.find(({ kind }) => kind === 'memory')?.limits;
  const spawns = imports.some(({ module, name }) => module === SPAWN.module && name === SPAWN.name);
  if (memories.some(({ isShared }) => isShared)) return 'its shared memory is its own: link it with --import-memory';
  if (imported?.isShared === true && imported.max === undefined) return 'its shared memory has no maximum';
  if (spawns && imported?.isShared !== true) return 'it starts threads, but imports no shared memory for them';
  if (spawns && !exports.some(({ name }) => name === THREAD_ENTRY)) return `it starts threads without ${THREAD_ENTRY}`;
  if (exports.some(({ name, kind }) => name === '_start' && kind === 'function')) return undefined;
  return 'it has no _start: it is a library and no program; build it with a main function';
}

function sizes(limits: Limits, isImported: boolean): SizeLimits {
  return { ...limits, isImported };
}

function sectionSize({ name, contents }: Custom): { readonly name: string; readonly bytes: number } {
  return { name, bytes: contents.length };
}

/** The commonest things that are taken for a module. */
function whatItIs(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 512));
  if (head.length === 0) return 'it is empty';
  if (head.subarray(1, 4).toString('latin1') === 'ELF') return 'it is a program for Linux; build it for wasm32-wasip1';
  if (head.subarray(0, 2).toString('latin1') === '#!') return 'it is a script: name its interpreter, compiled to Wasm';
  if (/^\s*(\(module|\(component|;;)/.test(head.toString('latin1')))
    return 'it is WebAssembly text: wat2wasm makes a module of it';
  if (head[0] === 0x1f && head[1] === 0x8b) return 'it is compressed with gzip';
  return undefined;
}
