import type { MapNode, Node } from './node.ts';
import { mapValues } from './node.ts';
import { errorAt } from './problems.ts';
import type { Problems } from './problems.ts';
import { pathText } from './source-file.ts';
import type { Path } from './source-file.ts';
import { substitute, TemplateError } from './template.ts';
import type { Lookup } from './template.ts';

/** Fills in the variables of every value below the node; keys are never changed. Shared nodes stay shared. */
export function interpolate(node: MapNode, path: Path, lookup: Lookup, problems: Problems): MapNode {
  const done = new Map<Node, Node>();
  const visit = (value: Node, at: Path): Node => {
    const known = done.get(value);
    if (known !== undefined) return known;
    const changed = change(value, at);
    done.set(value, changed);
    return changed;
  };
  const change = (value: Node, at: Path): Node => {
    switch (value.kind) {
      case 'scalar':
        return typeof value.value === 'string' && value.value.includes('$')
          ? { ...value, value: fill(value.value, value, at) }
          : value;
      case 'list':
        return { ...value, items: value.items.map((item, index) => visit(item, [...at, index])) };
      case 'map':
        return mapValues(value, (inner, key) => visit(inner, [...at, key]));
    }
  };
  const fill = (text: string, value: Node, at: Path): string => {
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
  return change(node, path) as MapNode;
}
