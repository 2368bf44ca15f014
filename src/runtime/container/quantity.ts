/**
 * Sizes and times as a compose file has them, where they are not numbers yet: `64m`, `1.5gb`, `1m30s`.
 * Undefined for what is neither.
 */
export function parseBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? /^(-?\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?$/i.exec(value.trim()) : null;
  if (match === null) return undefined;
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf((match[2] ?? '').toLowerCase());
  return Math.round(Number(match[1]) * 1024 ** power);
}

/** Microseconds: of a duration, or of a number that is microseconds already. */
export function parseMicroseconds(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  if (/^-?\d+$/.test(value)) return Number(value);
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([text]) => text).join('') !== value) return undefined;
  return Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * (MICROSECONDS[unit ?? ''] ?? 0), 0));
}

const MICROSECONDS: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3_600e6,
};
