import { isIP } from 'node:net';

import { LABELS } from './common-attributes.ts';
import { child, scalar, textOf, withKeys } from './node.ts';
import type { Node } from './node.ts';
import { boolean, dictOf, having, integer, listOf, objectOf, setOf, string, text } from './rules.ts';
import type { ExpandContext, ListRule, Merge, ObjectRule, ResolvePaths } from './rules.ts';
import { SERVICE } from './service-attributes.ts';
import { external, oneAsList, textAs } from './short-forms.ts';

/** What services and resources may be called. */
export const NAME = /^[a-zA-Z0-9._-]+$/;

const driverOptions = dictOf(text);

const externalKey = having(boolean, { nullable: true });

/** Everything else of an external resource is decided where it was made. */
function notExternal(node: Node, context: ExpandContext): void {
  if (node.kind !== 'map' || child(node, 'external')?.kind !== 'scalar') return;
  const said = child(node, 'external');
  if (said?.kind !== 'scalar' || said.value !== true) return;
  for (const [key, entry] of node.entries) {
    if (key === 'name' || key === 'external' || key.startsWith('x-')) continue;
    context.error(entry.value, `conflicting parameters "external" and "${key}" specified`);
  }
}

/** `driver_opts: {type: none, o: bind, device: ./data}` of the local driver is a directory of the host. */
function boundDevice(node: Node, complete: Parameters<ResolvePaths>[1]): Node {
  const options = child(node, 'driver_opts');
  const device = textOf(child(options, 'device'));
  const local = textOf(child(node, 'driver')) === 'local' && textOf(child(options, 'o')) === 'bind';
  if (node.kind !== 'map' || options?.kind !== 'map' || device === undefined || !local) return node;
  return withKeys(node, { driver_opts: withKeys(options, { device: scalar(complete(device, 'mount'), options.at) }) });
}

/** Exactly one place that the content comes from. */
function oneSource(...keys: readonly string[]): (node: Node, context: ExpandContext) => void {
  return (node, context) => {
    const given = keys.filter((key) => child(node, key) !== undefined);
    if (given.length > 1) context.error(node, `${keys.join('|')} attributes are mutually exclusive`);
    const elsewhere = child(node, 'external') !== undefined || child(node, 'driver') !== undefined;
    if (given.length === 0 && !elsewhere) context.error(node, `one of ${keys.join('|')} must be set`);
  };
}

/** Pools with the same subnet are one. */
const mergePools: Merge = (base, over, deep) => {
  if (base.kind !== 'list' || over.kind !== 'list') return over;
  const subnet = (pool: Node): string | undefined => textOf(child(pool, 'subnet'));
  const pools = base.items.map((pool) => {
    const same = over.items.find((other) => subnet(other) === subnet(pool));
    return same === undefined ? pool : deep(pool, same);
  });
  const known = new Set(base.items.map(subnet));
  return { ...over, items: [...pools, ...over.items.filter((pool) => !known.has(subnet(pool)))] };
};

export const NETWORK: ObjectRule = objectOf(
  {
    name: string,
    driver: string,
    driver_opts: driverOptions,
    ipam: objectOf({
      driver: string,
      config: listOf(
        objectOf({
          subnet: string,
          ip_range: string,
          gateway: string,
          aux_addresses: dictOf(string),
        }),
        { merge: mergePools },
      ),
      options: dictOf(text),
    }),
    external: externalKey,
    internal: boolean,
    enable_ipv4: having(boolean, { print: 'keep' }),
    enable_ipv6: having(boolean, { print: 'keep' }),
    attachable: boolean,
    labels: LABELS,
  },
  { nullable: true, expand: external, always: { ipam: {} } },
);

export const VOLUME: ObjectRule = objectOf(
  { name: string, driver: string, driver_opts: driverOptions, external: externalKey, labels: LABELS },
  { nullable: true, expand: external, check: notExternal, path: boundDevice },
);

export const SECRET: ObjectRule = objectOf(
  {
    name: string,
    environment: string,
    file: having(string, { path: 'mount' }),
    external: externalKey,
    labels: LABELS,
    driver: string,
    driver_opts: driverOptions,
    template_driver: string,
  },
  { expand: external, check: oneSource('file', 'environment') },
);

export const CONFIG: ObjectRule = objectOf(
  {
    name: string,
    content: string,
    environment: string,
    file: having(string, { path: 'mount' }),
    external: externalKey,
    labels: LABELS,
    template_driver: string,
  },
  { expand: external, check: oneSource('file', 'environment', 'content') },
);

export const MODEL: ObjectRule = objectOf(
  { name: string, model: string, context_size: integer, runtime_flags: listOf(string) },
  { required: ['model'] },
);

export const INCLUDE: ListRule = listOf(
  objectOf(
    {
      path: setOf(string, { expand: oneAsList }),
      env_file: listOf(string, { expand: oneAsList }),
      project_directory: string,
    },
    { expand: textAs('path'), closed: true, required: ['path'] },
  ),
);

/** Keys of our own at the top of the file. */
const X_WCOMPOSE: ObjectRule = objectOf(
  { publish: having(string, { check: address }), catalogs: setOf(having(string, { path: 'file' })) },
  { closed: true },
);

function address(node: Node, context: ExpandContext): void {
  const said = textOf(node) ?? '';
  if (isIP(said) === 0) context.error(node, `invalid ip address: ${said}`);
}

/** The whole file. */
export const FILE: ObjectRule = objectOf({
  version: text,
  name: string,
  include: INCLUDE,
  services: dictOf(SERVICE, { key: NAME }),
  networks: dictOf(NETWORK, { key: NAME }),
  volumes: dictOf(VOLUME, { key: NAME }),
  secrets: dictOf(SECRET, { key: NAME }),
  configs: dictOf(CONFIG, { key: NAME }),
  models: dictOf(MODEL, { key: NAME }),
  'x-wcompose': X_WCOMPOSE,
});
