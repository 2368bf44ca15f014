import { child, entriesOf, isNull, isTrue, itemsOf, list, map, mapValues, scalar, textOf, withKeys } from './node.ts';
import type { MapNode, Node } from './node.ts';
import type { Lookup } from './template.ts';
import { cleanTarget } from './short-volumes.ts';
import { connectTarget } from './x-wasm.ts';

/**
 * The model with what compose implies: the default network, names of resources, dependencies that follow from other
 * attributes, values of the environment that are taken from the caller's.
 */
export function normalize(model: MapNode, project: string, lookup: Lookup): MapNode {
  const named = withKeys(model, { name: scalar(project, child(model, 'name')?.at ?? model.at) });
  const services = child(named, 'services');
  const names = new Set(entriesOf(services).map(([name]) => name));
  const normal = changeServices(named, (service) => normalizeService(service, names, lookup));
  return nameResources(withDefaultNetwork(normal), project);
}

function normalizeService(service: Node, names: ReadonlySet<string>, lookup: Lookup): Node {
  if (service.kind !== 'map') return service;
  const { at } = service;
  const networks = child(service, 'networks');
  const usesDefault =
    child(service, 'provider') === undefined &&
    child(service, 'network_mode') === undefined &&
    entriesOf(networks).length === 0;
  const dependsOn = dependencies(service, names);
  return withKeys(service, {
    pull_policy:
      textOf(child(service, 'pull_policy')) === 'if_not_present'
        ? scalar('missing', at)
        : child(service, 'pull_policy'),
    build: normalizeBuild(child(service, 'build'), lookup),
    environment: fillIn(child(service, 'environment'), lookup, true),
    depends_on: dependsOn.entries.size === 0 ? undefined : dependsOn,
    volumes: normalizeVolumes(child(service, 'volumes')),
    networks: usesDefault ? map({ default: scalar(null, at) }, at) : networks,
    pre_start: inheritImage(child(service, 'pre_start'), child(service, 'image')),
  });
}

function normalizeBuild(build: Node | undefined, lookup: Lookup): Node | undefined {
  if (build?.kind !== 'map') return build;
  const inline = child(build, 'dockerfile_inline');
  return withKeys(build, {
    dockerfile: child(build, 'dockerfile') ?? (inline === undefined ? scalar('Dockerfile', build.at) : undefined),
    args: fillIn(child(build, 'args'), lookup, false),
  });
}

/** The services with `environment` completed from the caller's variables. */
export function fillEnvironments(model: MapNode, lookup: Lookup): MapNode {
  return changeServices(model, (service) =>
    service.kind === 'map'
      ? withKeys(service, { environment: fillIn(child(service, 'environment'), lookup, true) })
      : service,
  );
}

/** What is built has a directory, if only that of the file. */
export function withBuildContexts(model: MapNode): MapNode {
  return changeServices(model, (service) => {
    const build = child(service, 'build');
    if (service.kind !== 'map' || build?.kind !== 'map' || build.entries.has('context')) return service;
    return withKeys(service, { build: withKeys(build, { context: scalar('.', build.at) }) });
  });
}

function changeServices(model: MapNode, change: (service: Node) => Node): MapNode {
  const services = child(model, 'services');
  return services?.kind === 'map' ? withKeys(model, { services: mapValues(services, change) }) : model;
}

/** Names without a value get the caller's; what is not set there is kept as null or left out. */
function fillIn(values: Node | undefined, lookup: Lookup, keepUnset: boolean): Node | undefined {
  if (values?.kind !== 'map') return values;
  return mapValues(values, (value, key) => {
    if (!isNull(value)) return value;
    const found = lookup(key);
    if (found === undefined) return keepUnset ? value : undefined;
    return scalar(found, value.at);
  });
}

/** Links, connections and shared namespaces need the other service to be there. */
function dependencies(service: MapNode, names: ReadonlySet<string>): MapNode {
  const { at } = service;
  const declared = child(service, 'depends_on');
  const implied: (readonly [string, Node])[] = [];
  const add = (name: string, from: Node, restart: boolean): void => {
    const value = map(
      {
        condition: scalar('service_started', from.at),
        restart: scalar(restart, from.at),
        required: scalar(true, from.at),
      },
      from.at,
    );
    implied.push([name, value]);
  };
  for (const link of itemsOf(child(service, 'links'))) add(linkedService(link), link, true);
  for (const [name, target] of connected(service, names)) add(name, target, false);
  for (const key of ['network_mode', 'ipc', 'pid', 'uts', 'cgroup']) {
    const value = child(service, key);
    const text = textOf(value);
    if (value !== undefined && text?.startsWith('service:') === true) add(text.slice('service:'.length), value, true);
  }
  for (const item of itemsOf(child(service, 'volumes_from'))) {
    const text = textOf(item) ?? '';
    if (!text.startsWith('container:')) add(text.split(':')[0] ?? '', item, false);
  }
  const base = declared?.kind === 'map' ? declared : map({}, at);
  const missing = implied.filter(([name]) => !base.entries.has(name));
  return withKeys(base, Object.fromEntries(missing));
}

function linkedService(link: Node): string {
  return (textOf(link) ?? '').split(':')[0] ?? '';
}

/** Those of the services to which the module finds connections open. */
function connected(service: MapNode, names: ReadonlySet<string>): readonly (readonly [string, Node])[] {
  return itemsOf(child(service, 'x-wasm', 'connect'))
    .map((target) => [connectTarget(textOf(target) ?? '')?.host ?? '', target] as const)
    .filter(([name]) => names.has(name));
}

function normalizeVolumes(volumes: Node | undefined): Node | undefined {
  if (volumes?.kind !== 'list') return volumes;
  return list(
    volumes.items.map((volume) => {
      const target = child(volume, 'target');
      const text = textOf(target);
      if (volume.kind !== 'map' || target === undefined || text === undefined) return volume;
      return withKeys(volume, { target: scalar(cleanTarget(text), target.at) });
    }),
    volumes.at,
  );
}

function inheritImage(hooks: Node | undefined, image: Node | undefined): Node | undefined {
  if (hooks?.kind !== 'list' || image === undefined) return hooks;
  return list(
    hooks.items.map((hook) => (hook.kind === 'map' && !hook.entries.has('image') ? withKeys(hook, { image }) : hook)),
    hooks.at,
  );
}

/** The default network is there where a service is on it. */
function withDefaultNetwork(model: MapNode): MapNode {
  const used = entriesOf(child(model, 'services')).some(
    ([, service]) =>
      child(service, 'provider') === undefined &&
      child(service, 'network_mode') === undefined &&
      child(service, 'networks', 'default') !== undefined,
  );
  const networks = child(model, 'networks') ?? map({}, model.at);
  if (!used || networks.kind !== 'map' || networks.entries.has('default')) return model;
  return withKeys(model, { networks: withKeys(networks, { default: scalar(null, model.at) }) });
}

/** What has no name of its own is called `<project>_<key>`, and `<key>` where it is external. */
function nameResources(model: MapNode, project: string): MapNode {
  const changed: Record<string, Node> = {};
  for (const kind of ['networks', 'volumes', 'configs', 'secrets']) {
    const resources = child(model, kind);
    if (resources?.kind !== 'map') continue;
    changed[kind] = mapValues(resources, (resource, key) => {
      const body = resource.kind === 'map' ? resource : map({}, resource.at);
      if (body.entries.has('name')) return body;
      return withKeys(body, { name: scalar(isTrue(child(body, 'external')) ? key : `${project}_${key}`, body.at) });
    });
  }
  return withKeys(model, changed);
}
