import { substitute, TemplateError } from './template.ts';
import type { Lookup } from './template.ts';

/** A line of an env file that cannot be understood. */
export class DotenvError extends Error {
  /** Undefined where the whole file is meant. */
  readonly line: number | undefined;

  constructor(line: number | undefined, message: string) {
    super(line === undefined ? message : `line ${line}: ${message}`);
    this.name = 'DotenvError';
    this.line = line;
  }
}

/**
 * The variables of an env file, in its order. For the variables in its values `lookup` is asked first, then the lines
 * above, then `earlier`, the files before. A name without `=` is taken from `lookup`. Throws DotenvError.
 */
export function parseDotenv(
  text: string,
  lookup: Lookup,
  earlier: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const scanner = new Scanner(text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'));
  const expand = (value: string, line: number): string => {
    try {
      return substitute(
        value,
        (name) => lookup(name) ?? found.get(name) ?? earlier.get(name),
        () => {},
      );
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new DotenvError(error.kind === 'required' ? undefined : line, error.message);
    }
  };
  for (let key = scanner.key(); key !== undefined; key = scanner.key()) {
    if (key.inherited) {
      const value = lookup(key.name);
      if (value !== undefined) found.set(key.name, value);
      continue;
    }
    const { line } = scanner;
    const { value, expands } = scanner.value();
    found.set(key.name, expands ? expand(value, line) : value);
  }
  return found;
}

/** `KEY=value` lines as `docker run --env-file` reads them: no quotes, no variables. */
export function parseRawEnv(text: string, lookup: Lookup): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const at = line.indexOf('=');
    const key = at < 0 ? line.trim() : line.slice(0, at);
    if (/\s/.test(key)) throw new DotenvError(index + 1, `variable "${key}" contains whitespace`);
    if (key === '') throw new DotenvError(index + 1, `no variable name on line "${line}"`);
    const value = at < 0 ? lookup(key) : line.slice(at + 1);
    if (value !== undefined) found.set(key, value);
  }
  return found;
}

interface Key {
  readonly name: string;
  /** No `=` follows. */
  readonly inherited: boolean;
}

class Scanner {
  readonly #text: string;
  #at = 0;
  /** Number of the line that is read. */
  line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next name; undefined at the end of the text. */
  key(): Key | undefined {
    this.#skipToStatement();
    if (this.#at >= this.#text.length) return undefined;
    const exported = /export[^\S\n]+/y;
    exported.lastIndex = this.#at;
    if (exported.test(this.#text)) this.#at = exported.lastIndex;
    const lineEnd = this.#lineEnd();
    const line = this.#text.slice(this.#at, lineEnd);
    const end = line.search(/[=:]/);
    const name = (end < 0 ? line : line.slice(0, end)).trimEnd();
    const wrong = /[^\p{L}\p{N}_.\-[\]\s]/u.exec(name);
    if (wrong !== null) {
      throw new DotenvError(this.line, `unexpected character "${wrong[0]}" in variable name "${line}"`);
    }
    if (/\s/.test(name)) throw new DotenvError(this.line, 'key cannot contain a space');
    if (end < 0) {
      this.#at = lineEnd;
      return { name, inherited: true };
    }
    this.#at += end + 1;
    while (/[^\S\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
    return { name, inherited: false };
  }

  value(): { readonly value: string; readonly expands: boolean } {
    const quote = this.#text[this.#at];
    if (quote === '"' || quote === "'") return this.#quoted(quote);
    const end = this.#lineEnd();
    const line = this.#text.slice(this.#at, end);
    this.#at = end;
    const comment = line.search(/ #/);
    return { value: (comment < 0 ? line : line.slice(0, comment)).trimEnd(), expands: true };
  }

  /** To the closing quote, over as many lines as it takes. A backslash before the quote makes it part of the value. */
  #quoted(quote: '"' | "'"): { readonly value: string; readonly expands: boolean } {
    const firstLine = this.line;
    const start = this.#at;
    let value = '';
    for (let at = start + 1; at < this.#text.length; at++) {
      const char = this.#text[at] ?? '';
      if (char === '\n') this.line++;
      if (char === quote) {
        this.#at = at + 1;
        return quote === '"' ? { value: unescape(value), expands: true } : { value, expands: false };
      }
      if (char !== '\\') {
        value += char;
        continue;
      }
      const next = this.#text[++at] ?? '';
      if (next === '\n') this.line++;
      value += next === quote ? next : `\\${next}`;
    }
    const shown = this.#text.slice(start).split('\n')[0] ?? '';
    throw new DotenvError(firstLine, `unterminated quoted value ${shown}`);
  }

  /** Over white space and comments. */
  #skipToStatement(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at] ?? '';
      if (char === '#') this.#at = this.#lineEnd();
      if (this.#text[this.#at] === '\n') this.line++;
      else if (this.#at < this.#text.length && !/\s/.test(this.#text[this.#at] ?? '')) return;
    }
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
  // Two dollars are one when variables are filled in.
  $: '$$',
};

/** The escapes of a shell's double quotes; what is none of them stays as it is. */
function unescape(value: string): string {
  return value.replaceAll(
    /\\(?:([abfnrtv"\\$])|0(\d{3}))/g,
    (whole, char: string | undefined, octal: string | undefined) => {
      if (char !== undefined) return ESCAPES[char] ?? whole;
      const code = Number.parseInt(octal ?? '', 8);
      return Number.isNaN(code) ? whole : String.fromCodePoint(code);
    },
  );
}
