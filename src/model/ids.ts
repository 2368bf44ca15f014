/** Branded strings: an id of one kind cannot be passed where another is expected. */
export type Brand<T, B extends string> = T & { readonly __brand: B };

export type ProjectName = Brand<string, 'ProjectName'>;
export type ServiceName = Brand<string, 'ServiceName'>;
/** `web#1`: the n-th replica of a service, the unit that a runtime starts and stops. */
export type InstanceId = Brand<string, 'InstanceId'>;

export function projectName(raw: string): ProjectName {
  return raw as ProjectName;
}

export function serviceName(raw: string): ServiceName {
  return raw as ServiceName;
}

export function instanceId(service: string, index: number): InstanceId {
  return `${service}#${index}` as InstanceId;
}

/** A container of `run`: of the service, and none of its replicas. */
export function oneOffId(service: string, slug: string): InstanceId {
  return `${service}#run-${slug}` as InstanceId;
}

/** The service and replica number of an instance id; the number is 0 when the text is no instance id. */
export function parseInstanceId(id: string): { readonly service: ServiceName; readonly index: number } {
  const at = id.lastIndexOf('#');
  return { service: serviceName(id.slice(0, at)), index: Number(id.slice(at + 1)) || 0 };
}
