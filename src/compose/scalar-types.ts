import type { ScalarValue } from './node.ts';

/** What a scalar of the compose file means, and so how it is read and printed. */
export type ScalarType = keyof typeof SCALAR_TYPES;

interface ScalarReader {
  /** Ends the sentence "X must be ...". */
  readonly expects: string;
  /** The value in its canonical form; undefined where it is not one. */
  readonly read: (value: string | number | boolean) => ScalarValue | undefined;
}

/**
 * The types of scalars. A variable is always filled in as text, so every type reads its value from a string too.
 * Sizes are decimal strings, durations are written as Go writes them, file modes are octal strings.
 */
export const SCALAR_TYPES = {
  string: { expects: 'a string', read: (value) => (typeof value === 'string' ? value : undefined) },
  /** What is a string in the end, whatever it looks like in YAML. */
  text: { expects: 'a string, number or boolean', read: String },
  integer: { expects: 'an integer', read: (value) => checked(value, Number.isInteger) },
  number: { expects: 'a number', read: (value) => checked(value, Number.isFinite) },
  boolean: { expects: 'a boolean', read: readBoolean },
  size: { expects: 'a size such as 64m or 1.5gb', read: readSize },
  duration: { expects: 'a duration such as 1m30s', read: readDuration },
  /** A number of devices; -1 stands for all. */
  count: { expects: "'all' or a number", read: (value) => (value === 'all' ? -1 : checked(value, Number.isInteger)) },
  fileMode: { expects: 'a file mode such as 0440', read: readFileMode },
} as const satisfies Readonly<Record<string, ScalarReader>>;

/** `yes` and its relatives were booleans before YAML 1.2. */
export const OLD_BOOLEANS: Readonly<Record<string, boolean>> = {
  y: true,
  yes: true,
  on: true,
  n: false,
  no: false,
  off: false,
};

/** Milliseconds of a duration in canonical or any other accepted form. */
export function durationMs(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[-+]/, '');
  if (body === '0') return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)[a-zµμ]+)+$/.test(body)) return undefined;
  let total = 0;
  for (const [, number, unit] of body.matchAll(/(\d+\.?\d*|\.\d+)([a-zµμ]+)/g)) {
    const factor = DURATION_UNITS.get(unit ?? '');
    if (factor === undefined) return undefined;
    total += Number(number) * factor;
  }
  return sign * total;
}

/** Milliseconds as Go prints a duration: `1m30s`, `1h5m30.02s`, `10ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const size = Math.abs(ms);
  if (size < 1e-3) return `${sign}${trimmed(size * 1e6)}ns`;
  if (size < 1) return `${sign}${trimmed(size * 1e3)}µs`;
  if (size < 1000) return `${sign}${trimmed(size)}ms`;
  const minutes = Math.floor(size / 60_000);
  const seconds = `${trimmed((size - minutes * 60_000) / 1000)}s`;
  if (minutes === 0) return `${sign}${seconds}`;
  if (minutes < 60) return `${sign}${minutes}m${seconds}`;
  return `${sign}${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['w', 7 * 24 * 3_600_000],
  ['d', 24 * 3_600_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ns', 1e-6],
]);

function trimmed(value: number): string {
  return String(Number(value.toFixed(9)));
}

function checked(value: string | number | boolean, accepts: (number: number) => boolean): number | undefined {
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return accepts(value) ? value : undefined;
  const number = Number(value);
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(value) && accepts(number) ? number : undefined;
}

function readBoolean(value: string | number | boolean): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return undefined;
  const word = value.toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  return Object.hasOwn(OLD_BOOLEANS, word) ? OLD_BOOLEANS[word] : undefined;
}

/** `64m`, `1.5 GB`, `655360`, and -1 for no limit. Units are powers of 1024. */
function readSize(value: string | number | boolean): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(Math.trunc(value)) : undefined;
  if (typeof value === 'boolean') return undefined;
  if (/^-\d+$/.test(value)) return value;
  const found = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(value);
  if (found === null) return undefined;
  const power = ' kmgtp'.indexOf((found[2] ?? '').toLowerCase() || ' ');
  return String(Math.trunc(Number(found[1]) * 1024 ** power));
}

function readDuration(value: string | number | boolean): string | undefined {
  // Most are written as they are printed.
  if (typeof value === 'string' && /^[1-5]?\ds$/.test(value) && !value.startsWith('0')) return value;
  const ms = typeof value === 'string' ? durationMs(value) : value === 0 ? 0 : undefined;
  return ms === undefined ? undefined : formatDuration(ms);
}

function readFileMode(value: string | number | boolean): string | undefined {
  if (typeof value === 'boolean') return undefined;
  const number = typeof value === 'number' ? value : /^(?:0o?)?[0-7]+$/.test(value) ? octal(value) : Number.NaN;
  return Number.isInteger(number) && number >= 0 ? `0${number.toString(8)}` : undefined;
}

function octal(text: string): number {
  return Number.parseInt(text.replace(/^0o/, ''), 8);
}
