import type { MapNode, Node, ScalarNode } from './node.ts';
import { mapItems, mapValues } from './node.ts';
import { errorAt } from './problems.ts';
import type { Problems } from './problems.ts';
import { pathText } from './source-file.ts';
import type { Path } from './source-file.ts';
import { substitute, TemplateError } from './template.ts';
import type { Lookup } from './template.ts';

/** Fills in the variables of every value below the node; keys are never changed. Shared nodes stay shared. */
export function interpolate(node: MapNode, path: Path, lookup: Lookup, problems: Problems): MapNode {
  const at = [...path];
  const done = new Map<Node, Node>();
  const visit = (value: Node, key: string | number): Node => {
    if (value.kind === 'scalar' && !holdsVariable(value)) return value;
    const known = value.shared === true ? done.get(value) : undefined;
    if (known !== undefined) return known;
    at.push(key);
    const changed = change(value);
    at.pop();
    if (value.shared === true) done.set(value, changed);
    return changed;
  };
  const change = (value: Node): Node => {
    switch (value.kind) {
      case 'scalar':
        return holdsVariable(value) ? { ...value, value: fill(value.value, value) } : value;
      case 'list':
        return mapItems(value, visit);
      case 'map':
        return mapValues(value, visit);
    }
  };
  const fill = (text: string, value: Node): string => {
    const unset = (name: string): void => {
      problems.warn(`The "${name}" variable is not set. Defaulting to a blank string.`, value.at, at);
    };
    try {
      return substitute(text, lookup, unset);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      if (error.kind === 'required') throw errorAt(value.at, at, error.message);
      problems.error(
        value.at,
        at,
        `invalid interpolation format for ${pathText(at)}: "${error.template}"`,
        'a $ that is meant as itself is written $$',
      );
      return text;
    }
  };
  return change(node) as MapNode;
}

function holdsVariable(node: ScalarNode): node is ScalarNode & { readonly value: string } {
  return typeof node.value === 'string' && node.value.includes('$');
}
