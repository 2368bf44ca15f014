import type { Plan } from '../model/plan.ts';
import type { Observed } from '../model/state.ts';
import { PlanBuilder } from './builder.ts';

/** `rm`: instances of the chosen services that do not run; with `volumes` also the volumes nobody named. */
export function planRemove(observed: Observed, services: readonly string[], volumes: boolean): Plan {
  const plan = new PlanBuilder();
  const stopped = observed.instances.filter(
    ({ service, state }) =>
      (services.length === 0 || services.includes(service)) && (state.at === 'created' || state.at === 'exited'),
  );
  for (const instance of stopped) {
    const removed = plan.add({ op: 'instance.remove', instance }, `service:${instance.id}`, 'rm');
    if (!volumes) continue;
    for (const volume of observed.volumes.filter((one) => one.instance === instance.id))
      plan.add({ op: 'volume.remove', volume }, `volume:${volume.key}`, 'rm', [removed]);
  }
  return plan.build();
}
