import { GLOBAL_OPTIONS, READ_COMMANDS } from './command-table.ts';
import type { CommandRow, OptionRow } from './command-table.ts';
import type { GlobalOptions } from './context.ts';

export interface QuickArguments {
  readonly command: CommandRow;
  readonly names: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly global: GlobalOptions;
}

/**
 * The arguments of a command of the table, as commander would read them; undefined for whatever is not plain, and for
 * every mistake: then commander reads them, and says what is wrong.
 */
export function readQuickly(args: readonly string[]): QuickArguments | undefined {
  const before = readOptions(args, 0, GLOBAL_OPTIONS);
  const name = args[before?.next ?? args.length];
  const command = name === undefined ? undefined : READ_COMMANDS.find((row) => row.name === name || row.alias === name);
  if (before === undefined || command === undefined) return undefined;
  const options: Record<string, unknown> = defaultsOf(command.options);
  const names: string[] = [];
  for (let at = before.next + 1; at < args.length;) {
    const read = readOptions(args, at, command.options, options);
    if (read === undefined) return undefined;
    const given = args[read.next];
    if (given !== undefined) names.push(given);
    at = read.next + 1;
  }
  if (!fits(names.length, command)) return undefined;
  return { command, names, options, global: before.options };
}

interface ReadOptions {
  readonly options: Record<string, unknown>;
  /** Of the first argument that is no option. */
  readonly next: number;
}

function readOptions(
  args: readonly string[],
  from: number,
  rows: readonly OptionRow[],
  options: Record<string, unknown> = {},
): ReadOptions | undefined {
  let at = from;
  for (let arg = args[at]; arg?.startsWith('-') === true; arg = args[at]) {
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1;
    const flag = equals < 0 ? arg : arg.slice(0, equals);
    const row = rows.find(({ flags }) => flags.split(/, | </, 2).includes(flag));
    if (row === undefined) return undefined;
    const takesValue = row.flags.endsWith('>');
    const value = equals >= 0 ? arg.slice(equals + 1) : takesValue ? args[++at] : undefined;
    at++;
    if (takesValue ? !isPlain(value, row) : value !== undefined) return undefined;
    set(options, row, value);
  }
  return { options, next: at };
}

/** What begins with a dash may be a mistake. */
function isPlain(value: string | undefined, row: OptionRow): boolean {
  if (value === undefined || (value.startsWith('-') && value !== '-')) return false;
  return (row.choices?.includes(value) ?? true) && (row.accepts?.pattern.test(value) ?? true);
}

function set(options: Record<string, unknown>, row: OptionRow, value: string | undefined): void {
  const key = keyOf(row);
  if (row.list === true) options[key] = [...((options[key] as readonly string[] | undefined) ?? []), value];
  else options[key] = value ?? !isNegative(row);
}

function defaultsOf(rows: readonly OptionRow[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const row of rows) {
    if (isNegative(row)) options[keyOf(row)] = true;
    else if (row.initial !== undefined) options[keyOf(row)] = row.initial;
  }
  return options;
}

function isNegative(row: OptionRow): boolean {
  return row.flags.startsWith('--no-');
}

/** `--project-name <name>`: projectName; `--no-log-prefix`: logPrefix. */
function keyOf(row: OptionRow): string {
  const long = /--(?:no-)?([a-z-]+)/.exec(row.flags)?.[1] ?? '';
  return long.replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

function fits(count: number, { argument }: CommandRow): boolean {
  if (argument === '<service>') return count === 1;
  return argument !== undefined || count === 0;
}
