import { WcError } from '../model/diagnostic.ts';

/** ERR_NO_SUCH_SERVICE when the project has no service of one of these names. */
export function requireKnown(names: readonly string[], known: Iterable<string>): void {
  const all = new Set(known);
  const unknown = names.find((name) => !all.has(name));
  if (unknown === undefined) return;
  throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${unknown}`, {
    hint: `the project has: ${[...all].toSorted().join(', ') || 'no services'}`,
  });
}
