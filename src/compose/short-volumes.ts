import { posix } from 'node:path';

import { child, map, scalar, textOf } from './node.ts';
import type { Node } from './node.ts';
import type { Expand, ExpandContext } from './rules.ts';

/** `./conf:/etc/app:ro`, `data:/var/lib/data`, `/anonymous` */
export const shortVolume: Expand = (node, context) => {
  const spec = textOf(node);
  if (spec === undefined) return node;
  const parts = sections(spec);
  const problem = complaint(spec, parts);
  if (problem !== undefined) {
    if (!(context.raw && spec.includes('$'))) context.error(node, problem);
    return node;
  }
  const [first = '', second, options = ''] = parts;
  const source = second === undefined ? '' : first;
  const bind = isHostPath(source);
  const words = new Set(options.split(','));
  const propagation = [...words].find((word) => PROPAGATIONS.has(word));
  const selinux = [...words].find((word) => word === 'z' || word === 'Z');
  const text = (value: string | undefined): Node | undefined =>
    value === undefined ? undefined : scalar(value, node.at);
  const yes = (value: boolean): Node | undefined => (value ? scalar(true, node.at) : undefined);
  return map(
    {
      type: scalar(bind ? 'bind' : 'volume', node.at),
      source: source === '' ? undefined : scalar(source, node.at),
      target: scalar(cleanTarget(second ?? first), node.at),
      read_only: yes(words.has('ro')),
      bind: bind
        ? map({ propagation: text(propagation), selinux: text(selinux), create_host_path: yes(true) }, node.at)
        : undefined,
      volume: bind ? undefined : map({ nocopy: yes(words.has('nocopy')) }, node.at),
    },
    node.at,
  );
};

/** A target without `.`, `..` and doubled slashes, as the Engine would make of it. */
export function cleanTarget(target: string): string {
  if (target === '' || /^[A-Za-z]:/.test(target)) return target;
  const clean = posix.normalize(target);
  return clean.length > 1 ? clean.replace(/\/$/, '') : clean;
}

export function checkVolume(node: Node, context: ExpandContext): void {
  if (node.kind !== 'map') return;
  const target = child(node, 'target');
  if (target === undefined) context.error(node, 'is missing a mount target');
  if (textOf(child(node, 'type')) === 'bind' && child(node, 'source') === undefined) {
    context.error(node, 'invalid mount config for type "bind": field Source must not be empty');
  }
}

const PROPAGATIONS: ReadonlySet<string> = new Set(['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave']);

function complaint(spec: string, parts: readonly string[]): string | undefined {
  if (spec === '') return 'invalid empty volume spec';
  if (parts.includes('')) return `invalid spec: ${spec}: empty section between colons`;
  return parts.length > 3 ? `invalid spec: ${spec}: too many colons` : undefined;
}

/** Split at colons, but not inside of a variable and not after the letter of a Windows drive. */
function sections(spec: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  for (let at = 0; at < spec.length; at++) {
    const char = spec[at] ?? '';
    if (char === '$' && spec[at + 1] === '{') depth++;
    else if (char === '}' && depth > 0) depth--;
    if (char === ':' && depth === 0 && !(part.length === 1 && DRIVE.test(spec.slice(at - 1)))) {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return [...parts, part];
}

/** A Windows path; `a:/a` is the volume `a`, `a:/a:/b` the directory `a:/a`. */
const DRIVE = /^[A-Za-z]:(?:\\|\/[^:]*:(?:\/|[A-Za-z]:))/;

/** A source that is a place on the host; everything else is the name of a volume. */
function isHostPath(source: string): boolean {
  return /^[./~]/.test(source) || source.startsWith('\\\\') || /^[A-Za-z]:/.test(source);
}
