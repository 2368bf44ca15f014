import { WcError } from '../model/diagnostic.ts';

/** `KEY=VALUE`, or `KEY` for the caller's own value; a key that the caller does not have is left out. */
export function readEnvironment(
  entries: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const entry of entries) {
    const at = entry.indexOf('=');
    const name = at < 0 ? entry : entry.slice(0, at);
    if (name === '') throw new WcError('ERR_USAGE', `not a variable: ${entry}`, { hint: 'write -e NAME=VALUE' });
    const value = at < 0 ? env[name] : entry.slice(at + 1);
    if (value !== undefined) values[name] = value;
  }
  return values;
}
