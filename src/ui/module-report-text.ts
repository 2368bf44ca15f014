import { visibly } from '../model/format-diagnostic.ts';
import type { ImportGroup, ModuleReport, SizeLimits } from '../model/module-report.ts';
import { formatTable } from './table.ts';

/** A report for a person: what it is, what it wants, what it gets, what is missing. */
export function moduleReportText(report: ModuleReport): string {
  return [
    `${visibly(report.from)}: ${headline(report)}\n`,
    columns(facts(report)),
    section('IMPORTS', report.imports.length === 0 ? [] : [imports(report.imports)]),
    section('EXPORTS', exportLines(report)),
    section(
      'WHAT IT GETS',
      report.granted.map((line) => `  ${line}\n`),
    ),
    section('WHAT IS MISSING', missingLines(report)),
    verdict(report),
  ].join('');
}

function headline({ kind, wasi, languages }: ModuleReport): string {
  const what = kind === 'component' ? 'a component' : 'a core module';
  const version = wasi === undefined ? 'without WASI' : `WASI ${WASI_NAMES[wasi] ?? wasi}`;
  return [what, version, ...languages.map(visibly)].join(', ');
}

const WASI_NAMES: Readonly<Record<string, string>> = {
  wasip0: 'unstable (snapshot 0)',
  wasip1: 'preview 1 (wasip1)',
};

function facts(report: ModuleReport): readonly (readonly string[])[] {
  const { inner, custom } = report;
  const debug = sum(custom.filter(({ name }) => IS_DEBUG.test(name)));
  const names = sum(custom.filter(({ name }) => name === 'name'));
  const others = custom.map(({ name }) => name).filter((name) => name !== 'name' && !IS_DEBUG.test(name));
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['size', `${size(report.bytes)}, sha256 ${report.sha256}`],
    ['code', `${report.functions} functions, ${size(report.codeBytes)}; data ${size(report.dataBytes)}`],
    ['made of', `${inner.modules} core modules with ${size(report.codeBytes)}, ${inner.components} components`],
    ...report.memories.map((one) => ['memory', memory(one)] as const),
    ...report.tables.map((one) => ['table', limits(one, (entries) => `${entries} entries`)] as const),
    ['start', report.hasStart ? 'a function runs before anything is exported' : undefined],
    ['function names', names > 0 ? `${size(names)}: backtraces show them` : 'none: backtraces show numbers'],
    ['debug information', debug > 0 ? `${size(debug)}, which nothing here uses: strip it` : undefined],
    ['other sections', others.length > 0 ? others.map(visibly).join(', ') : undefined],
  ];
  const hidden = report.kind === 'component' ? OF_MODULES : OF_COMPONENTS;
  return rows.flatMap(([label, text]) => (text === undefined || hidden.has(label) ? [] : [[`  ${label}`, text]]));
}

const IS_DEBUG = /^\.debug_|^sourceMappingURL$|^external_debug_info$/;
const OF_MODULES: ReadonlySet<string> = new Set(['code', 'function names']);
const OF_COMPONENTS: ReadonlySet<string> = new Set(['made of']);

function imports(groups: readonly ImportGroup[]): string {
  const rows = groups.map(({ dialect, isProvided, names }) => [
    `  ${visibly(dialect)}`,
    String(names.length),
    isProvided ? 'yes' : 'NO',
    visibly(shorten(names.map((name) => name.replace(/^wasi_(snapshot_preview1|unstable)\./, '')))),
  ]);
  return formatTable(['  DIALECT', 'COUNT', 'PROVIDED', 'NAMES'], rows);
}

function exportLines({ exports }: ModuleReport): readonly string[] {
  if (exports.length === 0) return [];
  const byKind = Map.groupBy(exports, ({ kind }) => kind);
  const rows = [...byKind].map(([kind, group]) => [`  ${kind}`, visibly(shorten(group.map(({ name }) => name)))]);
  return [columns(rows)];
}

function missingLines({ missing }: ModuleReport): readonly string[] {
  return [...Map.groupBy(missing, ({ hint }) => hint)].map(
    ([hint, group]) =>
      `  ${visibly(shorten(group.map(({ name }) => name)))} (${group[0]?.dialect ?? ''})\n    ${visibly(hint)}\n`,
  );
}

function verdict({ kind, problem, missing }: ModuleReport): string {
  if (problem !== undefined) return `\nIt cannot run as a service: ${problem}.\n`;
  if (missing.length > 0) return '\nIt cannot run as a service: imports are missing.\n';
  return kind === 'module' ? '\nIt can run as a service.\n' : '';
}

/** Two of them, without a header. */
function columns(rows: readonly (readonly string[])[]): string {
  return formatTable(['', ''], rows).slice(1);
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}\n${lines.join('')}`;
}

function memory(one: SizeLimits): string {
  return limits(one, (pages) => `${pages} pages (${size(pages * PAGE_BYTES)})`);
}

function limits({ min, max, isImported, isShared, is64Bit }: SizeLimits, show: (count: number) => string): string {
  const notes = [isImported ? 'imported' : '', isShared ? 'shared' : '', is64Bit ? '64 bits' : ''].filter(Boolean);
  const most = max === undefined ? 'no maximum' : `at most ${show(max)}`;
  return [show(min), min === max ? 'never more' : most, ...notes].join(', ');
}

const PAGE_BYTES = 65_536;

function shorten(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}

const SHOWN = 12;

function sum(sections: readonly { readonly bytes: number }[]): number {
  return sections.reduce((total, { bytes }) => total + bytes, 0);
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ''}`;
}
