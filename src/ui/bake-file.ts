import { contextService } from '../model/image-build.ts';
import type { BuildOptions, ImageBuild } from '../model/image-build.ts';
import type { Project, Service } from '../model/project.ts';

type Json = Readonly<Record<string, unknown>>;

/** The builds of a project as a file for `docker buildx bake`. Pure. */
export function bakeFile(project: Project, names: readonly string[], options: BuildOptions): Json {
  const all = Object.values(project.services).filter((service) => service.imageBuild !== undefined);
  const chosen = all.filter((service) => names.length === 0 || names.includes(service.name));
  const targets = new Map<string, Json>();
  const add = (service: Service): void => {
    const { imageBuild: build } = service;
    if (build === undefined || targets.has(target(service.name))) return;
    targets.set(target(service.name), bakeTarget(service, build, options));
    for (const context of Object.values(build.additionalContexts)) {
      const other = project.services[contextService(context) ?? ''];
      if (other !== undefined) add(other);
    }
  };
  for (const service of chosen) add(service);
  return {
    group: { default: { targets: chosen.map((service) => target(service.name)) } },
    target: Object.fromEntries(targets),
  };
}

function bakeTarget(service: Service, build: ImageBuild, options: BuildOptions): Json {
  const image =
    service.kind === 'container' ? service.image : service.module.from === 'oci' ? service.module.reference : '';
  return compact({
    context: build.context,
    dockerfile: build.dockerfile,
    'dockerfile-inline': build.dockerfileInline,
    contexts: Object.fromEntries(
      Object.entries(build.additionalContexts).map(([name, context]) => {
        const other = contextService(context);
        return [name, other === undefined ? context : `target:${target(other)}`];
      }),
    ),
    args: { ...build.args, ...options.args },
    labels: build.labels,
    tags: [image, ...build.tags],
    target: build.target,
    network: build.network,
    'shm-size': build.shmBytes === undefined ? undefined : String(build.shmBytes),
    'extra-hosts': Object.fromEntries(build.extraHosts.map((entry) => entry.split(/:(.*)/s, 2) as [string, string])),
    ulimits: Object.entries(build.ulimits).map(([name, { soft, hard }]) => `${name}=${soft}:${hard}`),
    'cache-from': build.cacheFrom,
    'cache-to': build.cacheTo,
    'no-cache-filter': build.noCacheFilter,
    platforms: build.platforms,
    secret: build.secrets.map(({ id, file, environment }) =>
      file === undefined ? `id=${id},type=env,env=${environment}` : `id=${id},type=file,src=${file}`,
    ),
    ssh: Object.entries({ ...build.ssh, ...options.ssh }).map(([id, key]) => (key === null ? id : `${id}=${key}`)),
    entitlements: build.privileged ? [...build.entitlements, 'security.insecure'] : build.entitlements,
    'no-cache': build.noCache || options.noCache === true || undefined,
    pull: build.pull || options.pull === true || undefined,
    output: ['type=docker'],
  });
}

/** A name that bake takes: no dots. */
function target(service: string): string {
  return service.replaceAll('.', '_');
}

function compact(values: Json): Json {
  const says = (value: unknown): boolean =>
    value !== undefined && (typeof value !== 'object' || value === null || Object.keys(value).length > 0);
  return Object.fromEntries(Object.entries(values).filter(([, value]) => says(value)));
}
