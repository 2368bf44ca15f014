import { stringify } from 'yaml';

import { FILE } from './attributes.ts';
import type { ComposeModel } from './load-model.ts';
import type { Json } from './node.ts';
import { printable } from './printable.ts';

/** The model as text; it can be loaded again and means the same. */
export function formatConfig(model: ComposeModel, options: { readonly format: 'yaml' | 'json' }): string {
  const data = configData(model, options.format === 'json');
  if (options.format === 'json') return `${JSON.stringify(data, undefined, 2)}\n`;
  return stringify(data, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' });
}

/** The model as plain data, sections in the order in which one reads them. */
export function configData(model: ComposeModel, full: boolean): Json {
  const printed = printable(model.root, FILE, full) as Readonly<Record<string, Json>>;
  const sorted = Object.entries(printed).toSorted(([a], [b]) => rank(a) - rank(b));
  const data = Object.fromEntries(sorted.filter(([, value]) => !isEmptyMap(value)));
  const whole = 'services' in data ? data : { ...data, services: {} };
  // A dollar that stands for itself is written twice, so that reading the output again gives the same.
  return model.interpolated ? doubled(whole) : whole;
}

const ORDER = ['name', 'services', 'networks', 'volumes', 'secrets', 'configs', 'models'];

function rank(key: string): number {
  const at = ORDER.indexOf(key);
  return at < 0 ? ORDER.length : at;
}

function isEmptyMap(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function doubled(value: Json): Json {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => doubled(item));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, doubled(inner)]));
}
