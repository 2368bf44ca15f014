import { isAlias, isMap, isScalar, parseAllDocuments } from 'yaml';
import type { Alias, ParsedNode, Scalar, YAMLMap, YAMLSeq } from 'yaml';

import { isNull, list, scalar } from './node.ts';
import type { Entry, MapNode, MergeTag, Node, ScalarNode, ScalarValue } from './node.ts';
import { errorAt } from './problems.ts';
import { pathText } from './source-file.ts';
import type { Path, Position, SourceFile } from './source-file.ts';

/**
 * The documents of one file. YAML 1.2 core with merge keys and with octal numbers as compose reads them; aliases
 * share their node, so the time is linear in the text however often an anchor is used.
 */
export function parseYaml(file: SourceFile): readonly Node[] {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const nodes = parse(file);
  parsed.set(file, nodes);
  return nodes;
}

/** The name of the project is looked up before the files are read as a whole. */
const parsed = new WeakMap<SourceFile, readonly Node[]>();

function parse(file: SourceFile): readonly Node[] {
  const documents = parseAllDocuments(file.text, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      throw errorAt({ file, offset: error.pos[0] }, [], plainMessage(error.message), undefined, 'ERR_COMPOSE_PARSE');
    }
    if (document.contents === null) return [];
    const node = new Reader(file).read(document.contents, []);
    return isNull(node) ? [] : [node];
  });
}

/** As many values as a compose file may have once its aliases are written out; what is beyond is a bomb. */
const MAX_NODES = 2_000_000;

type Sized = { readonly node: Node; readonly size: number };

class Reader {
  readonly #file: SourceFile;
  readonly #anchors = new Map<string, Sized | 'open'>();
  readonly #sizes = new Map<Node, number>();

  constructor(file: SourceFile) {
    this.#file = file;
  }

  /** A mapping or list in block style stands where its key stands: `at`. */
  read(source: ParsedNode, path: Path, at = this.#at(source)): Node {
    if (isAlias(source)) return this.#resolve(source, path);
    const { anchor } = source;
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    const node = isScalar(source)
      ? this.#readScalar(source)
      : isMap(source)
        ? this.#readMap(source, path, source.flow === true ? this.#at(source) : at)
        : this.#readList(source, path, source.flow === true ? this.#at(source) : at);
    const tag = mergeTag(source.tag);
    const tagged = tag === undefined ? node : { ...node, tag };
    const size = this.#measure(tagged, path);
    if (anchor !== undefined) this.#anchors.set(anchor, { node: tagged, size });
    return tagged;
  }

  #at(source: { readonly range?: readonly [number, number, number] | null | undefined }): Position {
    return { file: this.#file, offset: source.range?.[0] ?? 0 };
  }

  #resolve(alias: Alias, path: Path): Node {
    const found = this.#anchors.get(alias.source);
    const at = this.#at(alias);
    if (found === undefined) throw errorAt(at, path, `there is no anchor named ${alias.source} before this alias`);
    if (found === 'open') {
      throw errorAt(at, path, `cycle: ${pathText(path)} is an alias of ${alias.source}, which contains it`);
    }
    return found.node;
  }

  #readScalar(source: Scalar.Parsed): ScalarNode {
    return scalar(scalarValue(source), this.#at(source));
  }

  #readList(source: YAMLSeq.Parsed, path: Path, at: Position): Node {
    const items = source.items.map((item, index) => this.read(item, [...path, index]));
    return list(items, at);
  }

  #readMap(source: YAMLMap.Parsed, path: Path, at: Position): MapNode {
    const entries = new Map<string, Entry>();
    let merged: Entry | undefined;
    for (const pair of source.items) {
      const key = this.#readKey(pair.key, path);
      const keyAt = this.#at(pair.key);
      const isMerge = key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN';
      const first = isMerge ? merged : entries.get(key);
      if (first !== undefined) {
        const { line } = this.#file.locate(first.keyAt.offset);
        throw errorAt(keyAt, [...path, key], `key "${key}" is already defined at line ${line}`);
      }
      const below = isMerge ? path : [...path, key];
      const value = pair.value === null ? scalar(null, keyAt) : this.read(pair.value, below, keyAt);
      if (isMerge) merged = { keyAt, value };
      else entries.set(key, { keyAt, value });
    }
    if (merged !== undefined) this.#mergeInto(entries, merged, path);
    return { kind: 'map', entries, at };
  }

  /** What the mapping itself says wins, then the first of a list. */
  #mergeInto(entries: Map<string, Entry>, merged: Entry, path: Path): void {
    for (const base of this.#mergeSources(merged.value, merged.keyAt, path)) {
      for (const [key, entry] of base.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #readKey(source: ParsedNode, path: Path): string {
    const key = isAlias(source) ? this.#resolve(source, path) : isScalar(source) ? this.#readScalar(source) : undefined;
    if (key?.kind === 'scalar' && typeof key.value === 'string') return key.value;
    const where = path.length === 0 ? 'at top level' : `in ${pathText(path)}`;
    const shown = key?.kind === 'scalar' ? String(key.value) : 'a list or mapping';
    throw errorAt(this.#at(source), path, `non-string key ${where}: ${shown}`, 'put it in quotes');
  }

  /** The value of `<<`: a mapping, or a list of mappings of which the first wins. */
  #mergeSources(value: Node, at: Position, path: Path): readonly MapNode[] {
    const sources = value.kind === 'list' ? value.items : [value];
    return sources.map((source) => {
      if (source.kind === 'map') return source;
      throw errorAt(at, path, 'a merge key (<<) takes a mapping or a list of mappings');
    });
  }

  /** Counts what the node would be without aliases. */
  #measure(node: Node, path: Path): number {
    let size = 1;
    if (node.kind === 'list') for (const item of node.items) size += this.#sizes.get(item) ?? 1;
    if (node.kind === 'map') for (const { value } of node.entries.values()) size += this.#sizes.get(value) ?? 1;
    if (size > MAX_NODES) {
      throw errorAt(node.at, path, `more than ${MAX_NODES} values once the aliases are written out`);
    }
    if (size > 1) this.#sizes.set(node, size);
    return size;
  }
}

function mergeTag(tag: string | undefined): MergeTag | undefined {
  if (tag === '!reset') return 'reset';
  return tag === '!override' ? 'override' : undefined;
}

function scalarValue(source: Scalar.Parsed): ScalarValue {
  // A tag such as !!str says what the value is; our own tags say nothing about it.
  const tagged = source.tag !== undefined && mergeTag(source.tag) === undefined;
  if (source.type === 'PLAIN' && !tagged) return plainValue(source.source);
  const value: unknown = source.value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value === null ? null : source.source;
}

/** A plain scalar. `0440` is octal and `1_000` a number, as in the YAML reader of docker compose. */
function plainValue(text: string): ScalarValue {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^[-+]?[0-9][0-9_]*$/.test(text)) return integer(text.replaceAll('_', ''));
  if (/^[-+]?0[xob][0-9a-fA-F_]+$/.test(text)) return prefixed(text.replaceAll('_', '')) ?? text;
  if (/^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) {
    return Number(text.replaceAll('_', ''));
  }
  return text;
}

function integer(digits: string): number | string {
  const octal = /^([-+]?)0([0-7]+)$/.exec(digits);
  const value = octal === null ? Number(digits) : Number.parseInt(`${octal[1]}${octal[2]}`, 8);
  // What a double cannot hold stays as it is written: an account number in an environment must not change.
  return Number.isSafeInteger(value) ? value : digits;
}

function prefixed(text: string): number | undefined {
  const negative = text.startsWith('-');
  const value = Number(text.replace(/^[-+]/, ''));
  if (!Number.isSafeInteger(value)) return undefined;
  return negative ? -value : value;
}

/** Without the explanation that follows in the message of the YAML library. */
function plainMessage(message: string): string {
  return message.replace(/ at line \d+, column \d+:?[\s\S]*$/, '');
}
