import type { Project, Service } from '../model/project.ts';
import type { Observed, ObservedInstance } from '../model/state.ts';
import type { Changed } from './changed-resources.ts';
import { sharedServices } from './references.ts';

export type RecreatePolicy = 'changed' | 'always' | 'never';

export interface RecreateContext {
  readonly project: Project;
  readonly observed: Observed;
  readonly changed: Changed;
  readonly policy: RecreatePolicy;
  readonly hash: string;
  /** Services of which an instance is made anew by this plan. */
  readonly recreated: ReadonlySet<string>;
}

/** Why an instance that exists must be made anew; undefined: it need not. The order is that in which it is told. */
export function whyRecreate(service: Service, current: ObservedInstance, context: RecreateContext): string | undefined {
  if (current.kind !== service.kind) return `was a ${current.kind} service`;
  const resource = context.changed.of(service);
  if (resource !== undefined) return `${resource} changed`;
  if (isTemporary(current, service)) return 'left half made';
  if (context.policy === 'never') return undefined;
  if (context.policy === 'always') return 'forced';
  const parent = sharedServices(service).find((name) => context.recreated.has(name));
  if (parent !== undefined) return `lives in ${parent}, which is made anew`;
  if (current.imageChanged === true) return 'image changed';
  if (current.configHash !== context.hash) return 'config changed';
  return missingNetwork(service, current, context) ?? missingVolume(service, current, context);
}

/** Somebody ended between making it beside another and giving it the other's name. */
function isTemporary({ kind, name }: ObservedInstance, { containerName = '' }: Service): boolean {
  return kind === 'container' && TEMPORARY.test(name) && name !== containerName;
}

/** The name of a container that is made beside another; docker compose gives the same. */
const TEMPORARY = /^[0-9a-f]{12}_/;

/** It was made by a process that ended before all were connected, or somebody disconnected it. */
function missingNetwork(service: Service, current: ObservedInstance, context: RecreateContext): string | undefined {
  const { connected } = current;
  if (connected === undefined || service.networkMode !== undefined) return undefined;
  const { networks } = context.project;
  const missing = service.networks.find(({ network: key }) => {
    const spec = networks[key];
    if (spec === undefined) return false;
    const id = connected[spec.name];
    // An external network may be named by its id.
    if (id === undefined) return !Object.values(connected).includes(spec.name);
    // One that was removed and made again has the same name only.
    return !spec.external && !context.observed.networks.some((now) => now.name === spec.name && now.id === id);
  });
  return missing === undefined ? undefined : `not on network ${missing.network}`;
}

function missingVolume(service: Service, current: ObservedInstance, context: RecreateContext): string | undefined {
  const { mounted } = current;
  if (mounted === undefined) return undefined;
  const missing = service.mounts.find(({ type, source }) => {
    const name = type === 'volume' ? context.project.volumes[source]?.name : undefined;
    return name !== undefined && !mounted.includes(name);
  });
  return missing === undefined ? undefined : `without volume ${missing.source}`;
}
