import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { ruleOf } from './canonical.ts';
import { Memo } from './memo.ts';
import { mapItems, mapValues, scalar } from './node.ts';
import type { Node } from './node.ts';
import type { PathKind, Rule } from './rules.ts';

/** The value with its relative paths completed: they begin at `directory`. */
export function resolvePaths(node: Node, rule: Rule, directory: string): Node {
  const memo = new Memo();
  const complete = (text: string, kind: PathKind): string => completePath(text, kind, directory);
  const visit = (value: Node, its: Rule): Node =>
    its.kind === 'any' ? value : memo.get(value, its, () => change(value, its));
  const change = (value: Node, its: Rule): Node => {
    if (typeof its.path === 'function') return its.path(value, complete);
    switch (value.kind) {
      case 'scalar':
        return its.path === undefined || typeof value.value !== 'string' || value.value === ''
          ? value
          : scalar(complete(value.value, its.path), value.at);
      case 'list':
        return its.kind === 'list' ? mapItems(value, (item) => visit(item, its.item)) : value;
      case 'map':
        return mapValues(value, (inner, key) => visit(inner, ruleOf(its, key)));
    }
  };
  return visit(node, rule);
}

export function completePath(text: string, kind: PathKind, directory: string): string {
  if (kind === 'context' && REMOTE_CONTEXT.test(text)) return text;
  const path = text.startsWith('~') ? join(homedir(), text.slice(1)) : text;
  if (isAbsolute(path) || (kind === 'mount' && WINDOWS_PATH.test(path))) return path;
  const joined = join(directory, path);
  return joined.length > 1 ? joined.replace(/\/$/, '') : joined;
}

/** What the builder fetches itself: a URL, a repository, another service's image. */
const REMOTE_CONTEXT = /:\/\/|^service:|^github\.com\/|^git@/;
const WINDOWS_PATH = /^(?:[A-Za-z]:[\\/]|\\\\)/;
