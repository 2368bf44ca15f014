import { WcError } from '../model/diagnostic.ts';
import type { Project } from '../model/project.ts';
import type { UpOptions } from './up-flags.ts';

/** The services whose logs an `up` in the foreground follows, and whose ends it waits for. */
export function attachedServices(
  project: Project,
  services: readonly string[],
  options: Pick<UpOptions, 'attach' | 'noAttach' | 'attachDependencies'>,
): readonly string[] {
  const known = Object.keys(project.services);
  const unknown = [...(options.attach ?? []), ...(options.noAttach ?? [])].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new WcError('ERR_NO_SUCH_SERVICE', `cannot attach to services not included in up: ${unknown}`, {
      hint: `this up has: ${known.toSorted().join(', ')}`,
    });
  }
  const without = new Set(options.noAttach);
  if (options.attach !== undefined) return options.attach.filter((name) => !without.has(name));
  const named = services.length === 0 ? known : services;
  const chosen = options.attachDependencies === true ? withDependencies(project, named) : named;
  return chosen.filter((name) => project.services[name]?.attach !== false && !without.has(name));
}

function withDependencies(project: Project, names: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    for (const dependency of project.services[name]?.dependsOn ?? []) visit(dependency.service);
  };
  for (const name of names) visit(name);
  return [...found];
}
