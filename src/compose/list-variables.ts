import type { Node } from './node.ts';
import { MAX_DEPTH, parseTemplate, TemplateError } from './template.ts';

/** A variable that a compose file refers to; the last default and alternative that are said for it. */
export interface Variable {
  readonly name: string;
  readonly required: boolean;
  readonly defaultValue: string;
  /** What stands for it where it is set: `${NAME+this}`. */
  readonly presenceValue: string;
}

/** The variables of every value below the node, in alphabetical order; those in default values too. */
export function listVariables(root: Node): readonly Variable[] {
  const found = new Map<string, Variable>();
  const visit = (node: Node): void => {
    if (node.kind === 'scalar' && typeof node.value === 'string') addFrom(node.value, found);
    if (node.kind === 'list') for (const item of node.items) visit(item);
    if (node.kind === 'map') for (const { value } of node.entries.values()) visit(value);
  };
  visit(root);
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function addFrom(text: string, found: Map<string, Variable>, depth = 0): void {
  // As deep as they are filled in.
  if (depth >= MAX_DEPTH) return;
  for (const part of partsOf(text)) {
    if ('literal' in part) continue;
    const { name, operator, word } = part;
    const before = found.get(name) ?? { name, required: false, defaultValue: '', presenceValue: '' };
    found.set(name, {
      name,
      required: before.required || operator === '?' || operator === ':?',
      defaultValue: operator === '-' || operator === ':-' ? word : before.defaultValue,
      presenceValue: operator === '+' || operator === ':+' ? word : before.presenceValue,
    });
    addFrom(word, found, depth + 1);
  }
}

function partsOf(text: string): ReturnType<typeof parseTemplate> {
  try {
    return parseTemplate(text);
  } catch (error) {
    // What is no template has no variables; loading the file with interpolation tells of it.
    if (error instanceof TemplateError) return [];
    throw error;
  }
}
