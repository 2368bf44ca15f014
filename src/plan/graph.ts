import { WcError } from '../model/diagnostic.ts';
import type { Service } from '../model/project.ts';

type Services = Readonly<Record<string, Service>>;

/** Dependencies first; ties in name order, so that plans are stable. A cycle is ERR_COMPOSE_INVALID and names its members. */
export function startOrder(services: Services): readonly Service[] {
  const order: Service[] = [];
  const mark = new Map<string, 'open' | 'done'>();
  const visit = (name: string, trail: readonly string[]): void => {
    const service = services[name];
    if (service === undefined || mark.get(name) === 'done') return;
    if (mark.get(name) === 'open') {
      const cycle = [...trail.slice(trail.indexOf(name)), name].join(' -> ');
      throw new WcError('ERR_COMPOSE_INVALID', `dependency cycle: ${cycle}`, {
        source: service.source,
        hint: 'remove one of these depends_on entries',
      });
    }
    mark.set(name, 'open');
    for (const next of service.dependsOn.map((dependency) => dependency.service).toSorted()) {
      visit(next, [...trail, name]);
    }
    mark.set(name, 'done');
    order.push(service);
  };
  for (const name of Object.keys(services).toSorted()) visit(name, []);
  return order;
}

/** The named services and, transitively, what they depend on; all services when none is named. */
export function selectServices(services: Services, names: readonly string[], withDependencies: boolean): Services {
  if (names.length === 0) return services;
  const chosen = new Set<string>();
  const visit = (name: string): void => {
    const service = services[name];
    if (service === undefined || chosen.has(name)) return;
    chosen.add(name);
    if (withDependencies) for (const dependency of service.dependsOn) visit(dependency.service);
  };
  for (const name of names) {
    if (services[name] === undefined) {
      throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${name}`, {
        hint: `the project has: ${Object.keys(services).toSorted().join(', ') || 'no services'}`,
      });
    }
    visit(name);
  }
  return Object.fromEntries(Object.entries(services).filter(([name]) => chosen.has(name)));
}
