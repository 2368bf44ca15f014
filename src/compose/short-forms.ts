import { child, entriesOf, isNull, list, map, scalar, textOf } from './node.ts';
import type { Entry, Node } from './node.ts';
import type { Expand, ExpandContext } from './rules.ts';
import { shellWords } from './shell-words.ts';

/** `a` for `[a]`. */
export function oneAsList(node: Node): Node {
  return node.kind === 'scalar' && !isNull(node) ? list([node], node.at) : node;
}

/** `FOO=1` items for a mapping. An item without `=` has the value null. */
export const pairs: Expand = (node, context) => {
  if (node.kind !== 'list') return node;
  const entries = new Map<string, Entry>();
  for (const item of node.items) {
    const text = item.kind === 'scalar' && !isNull(item) ? String(item.value) : undefined;
    if (text === undefined) {
      context.error(item, 'must be text of the form KEY=value');
      continue;
    }
    const at = text.indexOf('=');
    const key = at < 0 ? text : text.slice(0, at);
    entries.set(key, {
      keyAt: item.at,
      value: { ...scalar(at < 0 ? null : text.slice(at + 1), item.at), tag: item.tag },
    });
  }
  return { kind: 'map', entries, at: node.at };
};

/** As `pairs`; a name with a space before the `=` is a mistake that would only show in the service. */
export const environmentPairs: Expand = (node, context) => {
  if (node.kind === 'list') {
    for (const item of node.items) {
      const key = (textOf(item) ?? '').split('=')[0] ?? '';
      if (/\s$/.test(key)) context.error(item, `environment variable ${key} is declared with a trailing space`);
    }
  }
  return pairs(node, context);
};

/** `[a, b]` for a mapping with these keys; each is given `value`. */
export function namesAsMap(value: (at: Node) => Node): Expand {
  return (node, context) => {
    if (node.kind !== 'list') return node;
    const entries = new Map<string, Entry>();
    for (const item of node.items) {
      const name = textOf(item);
      if (name === undefined) context.error(item, 'must be a string');
      else entries.set(name, { keyAt: item.at, value: value(item) });
    }
    return { kind: 'map', entries, at: node.at };
  };
}

/** A text for a mapping with one key. */
export function textAs(key: string): Expand {
  return (node) => (textOf(node) === undefined ? node : map({ [key]: node }, node.at));
}

/** `python app.py` for `[python, app.py]`: split as a shell splits, but no shell runs it. */
export const command: Expand = (node, context) => {
  const text = textOf(node);
  if (text === undefined || keepsVariable(text, context)) return node;
  const words = shellWords(text);
  if (words === undefined) {
    context.error(node, 'has a quote that is not closed');
    return node;
  }
  return list(
    words.map((word) => scalar(word, node.at)),
    node.at,
  );
};

export const healthTest: Expand = (node) => {
  if (textOf(node) === undefined) return node;
  return list([scalar('CMD-SHELL', node.at), node], node.at);
};

/** `external: {name: x}`, the form of version 2. */
export const external: Expand = (node, context) => {
  const old = child(node, 'external');
  if (node.kind !== 'map' || old?.kind !== 'map') return node;
  const name = child(node, 'name');
  const oldName = child(old, 'name');
  if (name !== undefined && oldName !== undefined && textOf(name) !== textOf(oldName)) {
    context.error(old, 'name and external.name conflict; only use name');
  }
  if (oldName !== undefined) context.warn(old, 'external.name is deprecated. Please set name and external: true');
  const entries = new Map(node.entries);
  entries.set('external', { keyAt: old.at, value: scalar(true, old.at) });
  const chosen = name ?? oldName;
  if (chosen !== undefined) entries.set('name', { keyAt: chosen.at, value: chosen });
  return { ...node, entries };
};

/** `host:1.2.3.4`, `host=[::1]` and mappings for a sorted list of `host=address`. */
export const extraHosts: Expand = (node, context) => {
  const found: Node[] = [];
  const add = (host: string, address: Node): void => {
    const text = textOf(address) ?? '';
    if (host === '' || /[:=]/.test(host)) context.error(address, `bad host name '${host}'`);
    found.push(scalar(`${host}=${/^\[.+\]$/.test(text) ? text.slice(1, -1) : text}`, address.at));
  };
  for (const [host, value] of entriesOf(node)) {
    for (const address of value.kind === 'list' ? value.items : [value]) add(host, address);
  }
  if (node.kind === 'list') {
    for (const item of node.items) {
      const text = textOf(item) ?? '';
      const separator = text.includes('=') ? '=' : ':';
      const at = text.indexOf(separator);
      if (at < 0) context.error(item, `invalid additional host, missing IP: ${text}`);
      else for (const one of text.slice(at + 1).split(',')) add(text.slice(0, at), scalar(one, item.at));
    }
  }
  return node.kind === 'scalar' ? node : list(found, node.at);
};

/** `/dev/a:/dev/b:rwm` */
export const device: Expand = (node, context) => {
  const text = textOf(node);
  if (text === undefined || keepsVariable(text, context)) return node;
  const parts = text.split(':');
  if (parts.length > 3) context.error(node, `confusing device mapping, please use long syntax: ${text}`);
  const [source = '', target = '', permissions = 'rwm'] = parts;
  return map(
    {
      source: scalar(source, node.at),
      target: scalar(target === '' ? source : target, node.at),
      permissions: scalar(permissions, node.at),
    },
    node.at,
  );
};

export const gpus: Expand = (node) => (textOf(node) === 'all' ? list([map({ count: node }, node.at)], node.at) : node);

/** Without interpolation a text that holds a variable cannot be taken apart. */
export function keepsVariable(text: string, context: ExpandContext): boolean {
  return context.raw && text.includes('$');
}
