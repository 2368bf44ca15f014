import type { Service } from '../model/project.ts';

/** Services whose containers this one lives in: their namespaces and volumes. It must be made anew when they are. */
export function sharedServices(service: Service): readonly string[] {
  if (service.kind !== 'container') return [];
  const modes = [service.networkMode, ...NAMESPACES.map((name) => service.engine[name])];
  const from = texts(service.engine['volumes_from']).filter((entry) => !entry.startsWith('container:'));
  return [...modes.flatMap(serviceOfMode), ...from.map(firstPart)];
}

/** Services that must have containers before one of this service can be made. */
export function referencedServices(service: Service): readonly string[] {
  if (service.kind !== 'container') return [];
  return [...sharedServices(service), ...texts(service.engine['links']).map(firstPart)];
}

const NAMESPACES = ['ipc', 'pid', 'uts', 'cgroup'] as const;
const PREFIX = 'service:';

function serviceOfMode(mode: unknown): readonly string[] {
  return typeof mode === 'string' && mode.startsWith(PREFIX) ? [mode.slice(PREFIX.length)] : [];
}

function texts(value: unknown): readonly string[] {
  return (value === undefined ? [] : [value].flat()).filter((entry) => typeof entry === 'string');
}

function firstPart(entry: string): string {
  return entry.split(':', 1)[0] ?? '';
}
