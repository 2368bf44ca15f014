import type { ObservedInstance } from '../model/state.ts';

export interface Replicas {
  readonly kept: readonly ObservedInstance[];
  readonly surplus: readonly ObservedInstance[];
  /** Numbers of those that are to be made. */
  readonly added: readonly number[];
}

/**
 * Which instances of a service stay. Where there are too many, those that would be made anew go first, then the
 * highest numbers. New ones count on from the highest: a number that is free again may still be in somebody's cache.
 */
export function chooseReplicas(
  existing: readonly ObservedInstance[],
  count: number,
  isObsolete: (instance: ObservedInstance) => boolean,
): Replicas {
  const ordered = existing.toSorted(
    (a, b) => Number(isObsolete(a)) - Number(isObsolete(b)) || a.index - b.index || b.createdAt - a.createdAt,
  );
  const kept: ObservedInstance[] = [];
  // Two with one number: a creation that was interrupted, or somebody else's.
  for (const one of ordered) {
    if (kept.length < count && !kept.some(({ index }) => index === one.index)) kept.push(one);
  }
  const next = Math.max(0, ...existing.map(({ index }) => index)) + 1;
  return {
    kept: kept.toSorted((a, b) => a.index - b.index),
    surplus: ordered.filter((one) => !kept.includes(one)),
    added: Array.from({ length: count - kept.length }, (_, at) => next + at),
  };
}
