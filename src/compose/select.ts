import { WcError } from '../model/diagnostic.ts';
import { nearest } from './nearest.ts';
import { child, entriesOf, itemsOf, mapValues, textOf, withKeys } from './node.ts';
import type { MapNode, Node } from './node.ts';

export interface Enabled {
  readonly model: MapNode;
  /** Names of services that no enabled profile has. */
  readonly disabled: ReadonlySet<string>;
}

/** The model without services whose profiles are off. A service that is named explicitly enables its own profiles. */
export function enableProfiles(model: MapNode, profiles: readonly string[], named: readonly string[]): Enabled {
  const services = new Map(entriesOf(child(model, 'services')));
  const active = new Set(profiles);
  for (const name of named) {
    const service = services.get(name);
    if (service !== undefined && !hasProfile(service, active)) for (const own of profilesOf(service)) active.add(own);
  }
  const disabled = new Set<string>();
  for (const [name, service] of services) if (!hasProfile(service, active)) disabled.add(name);
  return { model: keepServices(model, (name) => !disabled.has(name)), disabled };
}

/** Only these services, without dependencies on others. */
export function selectServices(model: MapNode, selected: ReadonlySet<string>): MapNode {
  return keepServices(model, (name) => selected.has(name), selected);
}

/** The named services and what they depend on; all where none is named. */
export function selectedNames(model: MapNode, names: readonly string[]): ReadonlySet<string> {
  const services = new Map(entriesOf(child(model, 'services')));
  if (names.length === 0) return new Set(services.keys());
  const selected = new Set<string>();
  const wanted = names.map((name) => ({ name, required: true }));
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
    const { name, required } = next;
    const service = services.get(name);
    if (service === undefined && required) {
      const close = nearest(name, services.keys());
      throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${name}`, {
        hint: close === undefined ? undefined : `did you mean "${close}"?`,
      });
    }
    if (service === undefined || selected.has(name)) continue;
    selected.add(name);
    for (const [needed, dependency] of entriesOf(child(service, 'depends_on'))) {
      const its = child(dependency, 'required');
      wanted.push({ name: needed, required: !(its?.kind === 'scalar' && its.value === false) });
    }
  }
  return selected;
}

/** The model without networks, volumes, secrets, configs and models that no service uses. */
export function pruneResources(model: MapNode): MapNode {
  const used: Readonly<Record<string, Set<string>>> = {
    networks: new Set(),
    volumes: new Set(),
    secrets: new Set(),
    configs: new Set(),
    models: new Set(),
  };
  for (const [, service] of entriesOf(child(model, 'services'))) {
    for (const [name] of entriesOf(child(service, 'networks'))) used['networks']?.add(name);
    for (const [name] of entriesOf(child(service, 'models'))) used['models']?.add(name);
    addSources(used['volumes'], itemsOf(child(service, 'volumes')).filter(isNamedVolume));
    addSources(used['secrets'], itemsOf(child(service, 'secrets')));
    addSources(used['secrets'], itemsOf(child(service, 'build', 'secrets')));
    addSources(used['configs'], itemsOf(child(service, 'configs')));
  }
  const changed: Record<string, Node | undefined> = {};
  for (const [kind, names] of Object.entries(used)) {
    const resources = child(model, kind);
    if (resources?.kind !== 'map') continue;
    const kept = mapValues(resources, (value, name) => (names.has(name) ? value : undefined));
    changed[kind] = kept.entries.size === 0 ? undefined : kept;
  }
  return withKeys(model, changed);
}

export function profilesOf(service: Node): readonly string[] {
  return itemsOf(child(service, 'profiles')).flatMap((profile) => textOf(profile) ?? []);
}

function hasProfile(service: Node, active: ReadonlySet<string>): boolean {
  const own = profilesOf(service);
  return own.length === 0 || active.has('*') || own.some((profile) => active.has(profile));
}

/** Dependencies on services outside of `among` go as well. */
function keepServices(model: MapNode, keep: (name: string) => boolean, among?: ReadonlySet<string>): MapNode {
  const services = child(model, 'services');
  if (services?.kind !== 'map') return model;
  const kept = mapValues(services, (service, name) => {
    if (!keep(name)) return undefined;
    const dependsOn = child(service, 'depends_on');
    if (among === undefined || service.kind !== 'map' || dependsOn?.kind !== 'map') return service;
    return withKeys(service, {
      depends_on: mapValues(dependsOn, (value, needed) => (among.has(needed) ? value : undefined)),
    });
  });
  return withKeys(model, { services: kept });
}

function isNamedVolume(mount: Node): boolean {
  return textOf(child(mount, 'type')) === 'volume';
}

function addSources(used: Set<string> | undefined, items: readonly Node[]): void {
  for (const item of items) {
    const source = textOf(child(item, 'source'));
    if (source !== undefined) used?.add(source);
  }
}
