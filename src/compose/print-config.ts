import { FILE } from './attributes.ts';
import type { ComposeModel } from './load-model.ts';
import type { Json } from './node.ts';
import { printable } from './printable.ts';
import { yamlText } from './yaml-text.ts';

/** The model as text; it can be loaded again and means the same. */
export function formatConfig(model: ComposeModel, options: { readonly format: 'yaml' | 'json' }): string {
  const data = configData(model, options.format === 'json');
  if (options.format === 'json') return `${JSON.stringify(data, undefined, 2)}\n`;
  return yamlText(data);
}

/** The model as plain data, sections in the order in which one reads them. */
export function configData(model: ComposeModel, full: boolean): Readonly<Record<string, Json>> {
  // A dollar that stands for itself is written twice, so that reading the output again gives the same.
  const options = { full, text: model.interpolated ? doubled : undefined };
  const printed = printable(model.root, FILE, options) as Readonly<Record<string, Json>>;
  const sorted = Object.entries(printed).toSorted(([a], [b]) => rank(a) - rank(b));
  const data = Object.fromEntries(sorted.filter(([, value]) => !isEmptyMap(value)));
  return 'services' in data ? data : { ...data, services: {} };
}

const ORDER = ['name', 'services', 'networks', 'volumes', 'secrets', 'configs', 'models'];

function rank(key: string): number {
  const at = ORDER.indexOf(key);
  return at < 0 ? ORDER.length : at;
}

function isEmptyMap(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function doubled(value: string): string {
  return value.includes('$') ? value.replaceAll('$', '$$$$') : value;
}
