import type { SupervisorEvent } from '../control/protocol.ts';
import { WcError } from '../model/diagnostic.ts';
import type { WireError } from '../model/diagnostic.ts';
import type { Project } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';

export function warnOrphans(orphans: readonly ObservedInstance[], emit: (event: SupervisorEvent) => void): void {
  if (orphans.length === 0) return;
  const names = orphans.map((orphan) => orphan.name).join(', ');
  emit({
    type: 'warning',
    message: `Found orphan instances (${names}) of this project: services that the compose file no longer has. --remove-orphans removes them.`,
  });
}

/** ERR_NO_SUCH_SERVICE when the project neither has nor had a service of one of these names. */
export function checkNames(names: readonly string[], project: Project | undefined, observed: Observed): void {
  const known = new Set([
    ...Object.keys(project?.services ?? {}),
    ...observed.instances.map((instance) => instance.service),
  ]);
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${unknown}`, {
    hint: `the project has: ${[...known].toSorted().join(', ') || 'no services'}`,
  });
}

/** What `--wait-timeout` says when it is over. */
export function timedOut(ms: number): WireError {
  return {
    code: 'ERR_DEPENDENCY_FAILED',
    message: `application not healthy after ${ms / 1000}s`,
    hint: 'wcompose ps shows what is not; --wait-timeout gives more time',
  };
}
