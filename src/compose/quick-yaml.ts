import { plainValue } from './plain-scalar.ts';
import type { AliasSyntax, ListSyntax, MapSyntax, PairSyntax, ScalarSyntax, Syntax } from './yaml-syntax.ts';

/**
 * The one document of a text, if it is written in the YAML that compose files are made of: block mappings and lists,
 * values and flow collections on one line, literal blocks, anchors, aliases, comments. Undefined for everything else,
 * also for every mistake: the library reads it then. What both can read they read alike; a test compares them.
 */
export function parseQuickly(text: string): Syntax | undefined {
  if (UNUSUAL.test(text)) return undefined;
  try {
    return new QuickParser(text).document();
  } catch (error) {
    if (error instanceof Unfamiliar) return undefined;
    throw error;
  }
}

/** Characters whose place in YAML needs thought: tabs, carriage returns, invisible ones. */
const UNUSUAL = /[^\n\u0020-\u007E\u00A1-\u1FFF\u2030-\u2FFF\u3001-\uFDFF]/;

class Unfamiliar extends Error {}

interface Properties {
  readonly anchor: string | undefined;
  readonly tag: string | undefined;
}

// Written out below rather than spread: a spread in the middle of an object is many times slower.
const NONE: Properties = { anchor: undefined, tag: undefined };

/** Deeper than any compose file; a deeper one is left to the library, which counts its own stack. */
const MAX_DEPTH = 100;

const KEY = /[A-Za-z_][\w./-]*(?=:(?:[ \n]|$))|<<(?=: )/y;
const QUOTED_KEY = /(?:"[^"\\\n]*"|'[^'\n]*')(?=:(?:[ \n]|$))/y;
const FLOW_KEY = /[A-Za-z_][\w./-]*(?=: )/y;
const DOUBLE = /"(?:[^"\\\n]|\\["\\nrt])*"/y;
const SINGLE = /'(?:[^'\n]|'')*'/y;
const ANCHOR = /&([\w-]+)(?=[ \n]|$)/y;
const ALIAS = /\*([\w-]+)(?=[ \n]|$)/y;
const FLOW_ALIAS = /\*([\w-]+)(?=[ ,\]}])/y;
const TAG = /!(?:reset|override)(?=[ \n]|$)/y;
const FLOW_PLAIN = /[A-Za-z0-9_./$~](?:[^\s,[\]{}"'#:]|:(?=[^\s,[\]{}])| (?=[A-Za-z0-9_./$]))*/y;
const LITERAL = /\|(-?)(?=\n)/y;
/** What a plain scalar cannot begin with. */
const INDICATOR = /["'&*!|>%@`#,[\]{}]|[-?:](?:[ \n]|$)/y;

class QuickParser {
  readonly #text: string;
  /** Where the next thing is read. */
  #at = 0;
  /** Column of what comes next on this line; -1 at the end of the text. */
  #indent = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Syntax {
    this.#skipLines();
    if (this.#indent !== 0) throw new Unfamiliar();
    const found = this.#block(NONE);
    if (this.#at < this.#text.length) throw new Unfamiliar();
    return found;
  }

  /** A block mapping or list, at its first key or dash. */
  #block(properties: Properties): Syntax {
    if (++this.#depth > MAX_DEPTH) throw new Unfamiliar();
    const found = this.#isDash() ? this.#list(properties) : this.#map(properties);
    this.#depth--;
    return found;
  }

  #map(properties: Properties): MapSyntax {
    const indent = this.#indent;
    const offset = this.#at;
    const pairs: PairSyntax[] = [];
    while (this.#indent === indent) pairs.push({ key: this.#key(), value: this.#value(indent, true) });
    if (this.#indent > indent) throw new Unfamiliar();
    return { kind: 'map', offset, anchor: properties.anchor, tag: properties.tag, flow: false, pairs };
  }

  #list(properties: Properties): ListSyntax {
    const indent = this.#indent;
    const offset = this.#at;
    const items: Syntax[] = [];
    while (this.#indent === indent && this.#isDash()) {
      const dash = this.#at++;
      this.#skipSpaces();
      if (this.#matches(KEY) || this.#matches(QUOTED_KEY) || this.#isDash()) {
        // A mapping that begins on the line of the dash.
        this.#indent = indent + this.#at - dash;
        items.push(this.#block(NONE));
      } else {
        this.#at = dash + 1;
        items.push(this.#value(indent, false));
      }
    }
    if (this.#indent > indent) throw new Unfamiliar();
    return { kind: 'list', offset, anchor: properties.anchor, tag: properties.tag, flow: false, items };
  }

  /** The key and the colon after it. */
  #key(): ScalarSyntax {
    const offset = this.#at;
    const plain = this.#take(KEY);
    const value = plain ?? unquote(this.#take(QUOTED_KEY));
    if (value === undefined || (plain !== undefined && plainValue(plain) !== plain)) throw new Unfamiliar();
    this.#at++;
    return {
      kind: 'scalar',
      offset,
      anchor: undefined,
      tag: undefined,
      value,
      style: plain === undefined ? 'quoted' : 'plain',
    };
  }

  /** What follows a colon or a dash, and the end of its line. `indent`: of the collection that it belongs to. */
  #value(indent: number, inMap: boolean): Syntax {
    const start = this.#at;
    this.#skipSpaces();
    const properties = this.#properties();
    const bare = properties === NONE;
    const { anchor, tag } = properties;
    if (this.#isEnd()) {
      const offset = bare ? start : this.#at;
      this.#endLine();
      if (this.#indent > indent) return this.#block(properties);
      if (inMap && this.#indent === indent && this.#isDash()) return this.#list(properties);
      if (!bare) throw new Unfamiliar();
      return { kind: 'scalar', offset, anchor, tag, value: null, style: 'empty' };
    }
    const offset = this.#at;
    const literal = this.#text[offset] === '|' ? this.#literal(indent) : undefined;
    if (literal !== undefined) return { kind: 'scalar', offset, anchor, tag, value: literal, style: 'quoted' };
    const found = this.#flow(properties) ?? this.#alias(ALIAS, bare) ?? this.#plain(properties);
    this.#endLine();
    // A value that goes on in the next line.
    if (this.#indent > indent) throw new Unfamiliar();
    return found;
  }

  #properties(): Properties {
    let anchor: string | undefined;
    let tag: string | undefined;
    for (;;) {
      const mark = this.#text[this.#at];
      if (mark !== '&' && mark !== '!') return anchor === undefined && tag === undefined ? NONE : { anchor, tag };
      const taken = mark === '&' ? this.#take(ANCHOR) : this.#take(TAG);
      if (taken === undefined || (mark === '&' ? anchor : tag) !== undefined) throw new Unfamiliar();
      if (mark === '&') anchor = taken.slice(1);
      else tag = taken;
      this.#skipSpaces();
    }
  }

  /** The rest of the line. */
  #plain({ anchor, tag }: Properties): ScalarSyntax {
    const offset = this.#at;
    if (this.#matches(INDICATOR)) throw new Unfamiliar();
    const line = this.#text.slice(offset, this.#lineEnd());
    const comment = line.indexOf(' #');
    const text = (comment < 0 ? line : line.slice(0, comment)).trimEnd();
    if (text.includes(': ') || text.endsWith(':')) throw new Unfamiliar();
    this.#at += text.length;
    return { kind: 'scalar', offset, anchor, tag, value: plainValue(text), style: 'plain' };
  }

  /** A quoted text, or a list or mapping in brackets. */
  #flow(properties: Properties): Syntax | undefined {
    const offset = this.#at;
    const mark = this.#text.charAt(offset);
    switch (mark) {
      case '"':
      case "'": {
        const value = unquote(this.#take(mark === '"' ? DOUBLE : SINGLE));
        if (value === undefined) throw new Unfamiliar();
        return { kind: 'scalar', offset, anchor: properties.anchor, tag: properties.tag, value, style: 'quoted' };
      }
      case '[':
        return {
          kind: 'list',
          offset,
          anchor: properties.anchor,
          tag: properties.tag,
          flow: true,
          items: this.#inBrackets(']', () => this.#flowItem()),
        };
      case '{':
        return {
          kind: 'map',
          offset,
          anchor: properties.anchor,
          tag: properties.tag,
          flow: true,
          pairs: this.#inBrackets('}', () => this.#flowPair()),
        };
      default:
        return undefined;
    }
  }

  #inBrackets<T>(end: string, read: () => T): readonly T[] {
    if (++this.#depth > MAX_DEPTH) throw new Unfamiliar();
    const found: T[] = [];
    this.#at++;
    this.#skipSpaces();
    while (this.#text[this.#at] !== end) {
      found.push(read());
      this.#skipSpaces();
      if (this.#text[this.#at] === ',') this.#at++;
      else if (this.#text[this.#at] !== end) throw new Unfamiliar();
      this.#skipSpaces();
    }
    this.#at++;
    this.#depth--;
    return found;
  }

  #flowPair(): PairSyntax {
    const offset = this.#at;
    const plain = this.#take(FLOW_KEY);
    const value = plain ?? unquote(this.#take(QUOTED_KEY));
    if (value === undefined || (plain !== undefined && plainValue(plain) !== plain)) throw new Unfamiliar();
    this.#at++;
    this.#skipSpaces();
    const style = plain === undefined ? 'quoted' : 'plain';
    return {
      key: { kind: 'scalar', offset, anchor: undefined, tag: undefined, value, style },
      value: this.#flowItem(),
    };
  }

  #flowItem(): Syntax {
    const offset = this.#at;
    const found = this.#flow(NONE) ?? this.#alias(FLOW_ALIAS, true);
    if (found !== undefined) return found;
    const text = this.#take(FLOW_PLAIN);
    if (text === undefined) throw new Unfamiliar();
    return { kind: 'scalar', offset, anchor: undefined, tag: undefined, value: plainValue(text), style: 'plain' };
  }

  #alias(pattern: RegExp, bare: boolean): AliasSyntax | undefined {
    const offset = this.#at;
    if (this.#text[offset] !== '*') return undefined;
    const source = this.#take(pattern)?.slice(1);
    if (source === undefined || !bare) throw new Unfamiliar();
    return { kind: 'alias', offset, anchor: undefined, tag: undefined, source };
  }

  /** `|` and the lines below it. */
  #literal(indent: number): string {
    const header = this.#take(LITERAL);
    if (header === undefined) throw new Unfamiliar();
    this.#at++;
    const lines: string[] = [];
    let own = -1;
    while (this.#at < this.#text.length) {
      const line = this.#text.slice(this.#at, this.#lineEnd());
      const spaces = line.length - line.trimStart().length;
      const blank = spaces === line.length;
      // How blank lines count depends on what surrounds them.
      if (blank && (own < 0 || line !== '')) throw new Unfamiliar();
      if (own < 0) own = spaces;
      if (own <= indent) throw new Unfamiliar();
      if (!blank && spaces < own) break;
      lines.push(line.slice(own));
      this.#at = this.#lineEnd() + 1;
    }
    while (lines.at(-1) === '') lines.pop();
    if (lines.length === 0 || this.#text.at(-1) !== '\n') throw new Unfamiliar();
    this.#skipLines();
    if (this.#indent > indent) throw new Unfamiliar();
    return `${lines.join('\n')}${header === '|' ? '\n' : ''}`;
  }

  #endLine(): void {
    this.#skipSpaces();
    if (!this.#isEnd()) throw new Unfamiliar();
    this.#at = this.#lineEnd() + 1;
    this.#skipLines();
  }

  /** At the end of what stands on the line; a comment has a space before it. */
  #isEnd(): boolean {
    const character = this.#text[this.#at];
    return character === undefined || character === '\n' || (character === '#' && this.#text[this.#at - 1] === ' ');
  }

  /** From the start of a line to the first that says something. */
  #skipLines(): void {
    const text = this.#text;
    for (;;) {
      const start = this.#at;
      this.#skipSpaces();
      const character = text[this.#at];
      if (character === undefined) {
        this.#indent = -1;
        return;
      }
      if (character !== '\n' && character !== '#') {
        this.#indent = this.#at - start;
        // Directives and marks between documents.
        if (this.#indent === 0 && /^(?:%|---|\.\.\.)/.test(text.slice(start, start + 3))) throw new Unfamiliar();
        return;
      }
      this.#at = this.#lineEnd() + 1;
    }
  }

  #isDash(): boolean {
    if (this.#text[this.#at] !== '-') return false;
    const next = this.#text[this.#at + 1];
    return next === ' ' || next === '\n' || next === undefined;
  }

  #skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === 0x20) this.#at++;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }

  #take(pattern: RegExp): string | undefined {
    if (!this.#matches(pattern)) return undefined;
    const taken = this.#text.slice(this.#at, pattern.lastIndex);
    this.#at = pattern.lastIndex;
    return taken;
  }
}

function unquote(quoted: string | undefined): string | undefined {
  if (quoted?.startsWith("'") === true) return quoted.slice(1, -1).replaceAll("''", "'");
  // The escapes that are let through are those of JSON.
  return quoted?.includes('\\') === true ? (JSON.parse(quoted) as string) : quoted?.slice(1, -1);
}
