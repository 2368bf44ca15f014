import type { WcError } from '../model/diagnostic.ts';
import { isNull, list, scalar } from './node.ts';
import type { Entry, MapNode, MergeTag, Node } from './node.ts';
import { errorAt } from './problems.ts';
import { parseQuickly } from './quick-yaml.ts';
import { pathText } from './source-file.ts';
import type { Position, SourceFile } from './source-file.ts';
import type { AliasSyntax, ListSyntax, MapSyntax, Syntax } from './yaml-syntax.ts';

/**
 * The documents of one file. YAML 1.2 core with merge keys and with octal numbers as compose reads them; aliases
 * share their node, so the time is linear in the text however often an anchor is used.
 */
export async function parseYaml(file: SourceFile): Promise<readonly Node[]> {
  const known = parsed.get(file);
  if (known !== undefined) return await known;
  const nodes = parse(file);
  parsed.set(file, nodes);
  return await nodes;
}

/** The documents of the files, one after the other. */
export async function parseAll(files: readonly SourceFile[]): Promise<readonly Node[]> {
  return (await Promise.all(files.map(parseYaml))).flat();
}

/** The name of the project is looked up before the files are read as a whole. */
const parsed = new WeakMap<SourceFile, Promise<readonly Node[]>>();

async function parse(file: SourceFile): Promise<readonly Node[]> {
  const quick = parseQuickly(file.text);
  const documents = quick === undefined ? await withLibrary(file) : [quick];
  return documents.map((document) => new Reader(file).read(document)).filter((node) => !isNull(node));
}

/** Loaded only where it is needed: loading it takes longer than reading most compose files. */
async function withLibrary(file: SourceFile): Promise<readonly Syntax[]> {
  const { parseWithLibrary } = await import('./library-yaml.ts');
  return parseWithLibrary(file);
}

/** As many values as a compose file may have once its aliases are written out; what is beyond is a bomb. */
const MAX_NODES = 2_000_000;
/** What comes later walks down the values: an end of the stack would be no message that helps. */
const MAX_DEPTH = 200;

interface Extent {
  readonly size: number;
  readonly depth: number;
}

class Reader {
  readonly #file: SourceFile;
  readonly #anchors = new Map<string, Node | 'open'>();
  /** Of what is more than one value. */
  readonly #extents = new Map<Node, Extent>();
  /** Names and positions from the top to what is read now. */
  readonly #path: (string | number)[] = [];

  readonly #hasAliases: boolean;

  constructor(file: SourceFile) {
    this.#file = file;
    this.#hasAliases = /[*]\S/.test(file.text);
  }

  read(source: Syntax): Node {
    return this.#read(source, this.#at(source));
  }

  /** What is in block style or not written at all stands where its key stands: `at`. */
  #read(source: Syntax, at: Position): Node {
    if (source.kind === 'alias') return this.#resolve(source);
    const { anchor } = source;
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    const node = this.#value(source, at);
    const tag = mergeTag(source.tag);
    const tagged: Node =
      tag === undefined && anchor === undefined
        ? node
        : { ...node, tag, shared: anchor === undefined ? undefined : true };
    if (node.kind !== 'scalar') this.#check(tagged);
    if (anchor !== undefined) this.#anchors.set(anchor, tagged);
    return tagged;
  }

  #value(source: Exclude<Syntax, AliasSyntax>, at: Position): Node {
    switch (source.kind) {
      case 'scalar':
        return scalar(source.value, source.style === 'empty' ? at : this.#at(source));
      case 'list':
        return this.#readList(source, source.flow ? this.#at(source) : at);
      case 'map':
        return this.#readMap(source, source.flow ? this.#at(source) : at);
    }
  }

  #at(source: Syntax): Position {
    return { file: this.#file, offset: source.offset };
  }

  #resolve(alias: AliasSyntax): Node {
    const found = this.#anchors.get(alias.source);
    if (found === undefined) {
      throw this.#error(this.#at(alias), `there is no anchor named ${alias.source} before this alias`);
    }
    if (found === 'open') {
      throw this.#error(
        this.#at(alias),
        `cycle: ${pathText(this.#path)} is an alias of ${alias.source}, which contains it`,
      );
    }
    return found;
  }

  #readList(source: ListSyntax, at: Position): Node {
    const items: Node[] = [];
    for (const item of source.items) {
      this.#path.push(items.length);
      items.push(this.#read(item, this.#at(item)));
      this.#path.pop();
    }
    return list(items, at);
  }

  #readMap(source: MapSyntax, at: Position): MapNode {
    const entries = new Map<string, Entry>();
    let merged: Entry | undefined;
    for (const pair of source.pairs) {
      const key = this.#readKey(pair.key);
      const keyAt = this.#at(pair.key);
      const isMerge = key === '<<' && pair.key.kind === 'scalar' && pair.key.style === 'plain';
      const first = isMerge ? merged : entries.get(key);
      if (first !== undefined) {
        const { line } = this.#file.locate(first.keyAt.offset);
        this.#path.push(key);
        throw this.#error(keyAt, `key "${key}" is already defined at line ${line}`);
      }
      if (isMerge) {
        merged = { keyAt, value: this.#read(pair.value, keyAt) };
        continue;
      }
      this.#path.push(key);
      entries.set(key, { keyAt, value: this.#read(pair.value, keyAt) });
      this.#path.pop();
    }
    if (merged !== undefined) this.#mergeInto(entries, merged);
    return { kind: 'map', entries, at };
  }

  /** What the mapping itself says wins, then the first of a list. */
  #mergeInto(entries: Map<string, Entry>, merged: Entry): void {
    for (const base of this.#mergeSources(merged.value, merged.keyAt)) {
      for (const [key, entry] of base.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #readKey(source: Syntax): string {
    const key = source.kind === 'alias' ? this.#resolve(source) : source.kind === 'scalar' ? source : undefined;
    if (key?.kind === 'scalar' && typeof key.value === 'string') return key.value;
    const where = this.#path.length === 0 ? 'at top level' : `in ${pathText(this.#path)}`;
    const shown = key?.kind === 'scalar' ? String(key.value) : 'a list or mapping';
    throw this.#error(this.#at(source), `non-string key ${where}: ${shown}`, 'put it in quotes');
  }

  /** The value of `<<`: a mapping, or a list of mappings of which the first wins. */
  #mergeSources(value: Node, at: Position): readonly MapNode[] {
    const sources = value.kind === 'list' ? value.items : [value];
    return sources.map((source) => {
      if (source.kind === 'map') return source;
      throw this.#error(at, 'a merge key (<<) takes a mapping or a list of mappings');
    });
  }

  #check(node: Node): void {
    if (this.#path.length >= MAX_DEPTH) throw this.#tooDeep(node);
    // Without an alias nothing stands for more than is written.
    if (this.#hasAliases) this.#measure(node);
  }

  /** Counts what the node would be without aliases. */
  #measure(node: Node): void {
    let size = 1;
    let depth = 0;
    const add = (value: Node): void => {
      const extent = value.kind === 'scalar' ? undefined : this.#extents.get(value);
      size += extent?.size ?? 1;
      depth = Math.max(depth, extent?.depth ?? 0);
    };
    if (node.kind === 'list') for (const item of node.items) add(item);
    if (node.kind === 'map') for (const { value } of node.entries.values()) add(value);
    if (size > MAX_NODES) throw this.#error(node.at, `more than ${MAX_NODES} values once the aliases are written out`);
    if (depth >= MAX_DEPTH) throw this.#tooDeep(node);
    this.#extents.set(node, { size, depth: depth + 1 });
  }

  #tooDeep(node: Node): WcError {
    return this.#error(node.at, `nested more than ${MAX_DEPTH} levels deep`);
  }

  #error(at: Position, message: string, hint?: string): WcError {
    return errorAt(at, [...this.#path], message, hint);
  }
}

function mergeTag(tag: string | undefined): MergeTag | undefined {
  if (tag === '!reset') return 'reset';
  return tag === '!override' ? 'override' : undefined;
}
