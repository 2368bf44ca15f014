import { WcError } from '../model/diagnostic.ts';
import type { Project, Service } from '../model/project.ts';

/** The project with other numbers of replicas: `web=3`, several times. */
export function applyScales(project: Project, entries: readonly string[]): Project {
  const services: Record<string, Service> = { ...project.services };
  for (const [name, replicas] of readScales(entries)) {
    const service = services[name];
    if (service === undefined) {
      throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${name}`, {
        hint: `the project has: ${Object.keys(project.services).toSorted().join(', ') || 'no services'}`,
      });
    }
    if (service.containerName !== undefined && replicas > 1) {
      throw new WcError(
        'ERR_USAGE',
        `${name} cannot have ${replicas} replicas: they would all be named ${service.containerName}`,
        {
          source: service.source,
          hint: 'remove container_name',
        },
      );
    }
    services[name] = { ...service, replicas };
  }
  return { ...project, services };
}

export function readScales(entries: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    entries.map((entry) => {
      const [, name = '', number] = /^([^=]+)=(\d+)$/.exec(entry) ?? [];
      if (number === undefined)
        throw new WcError('ERR_USAGE', `not a scale: ${entry}`, { hint: 'write SERVICE=NUMBER' });
      return [name, Number(number)];
    }),
  );
}
