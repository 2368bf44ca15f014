import type { Json } from './node.ts';

/**
 * Plain data as YAML that readers of 1.1 and of 1.2 understand alike: whatever one of them might take for a number, a
 * boolean, a date or null is in quotes; texts of several lines are literal blocks.
 */
export function yamlText(data: { readonly [key: string]: Json }): string {
  const out: string[] = [];
  writeMap(data, '', out);
  return out.length === 0 ? '{}\n' : out.join('');
}

type JsonMap = { readonly [key: string]: Json };

/** Each line ends with a line break; the first begins where the caller left off. */
function writeMap(data: JsonMap, indent: string, out: string[]): void {
  let first = true;
  for (const key of Object.keys(data)) {
    if (!first) out.push(indent);
    first = false;
    const name = keyText(key);
    // What is longer can only be told as a key by a mark before it.
    if (name.length <= LONGEST_KEY) out.push(name, ':');
    else out.push('? ', name, '\n', indent, ':');
    writeValue(data[key] ?? null, indent, out, true);
  }
}

/** The same keys come again and again. */
function keyText(key: string): string {
  const known = KEYS.get(key);
  if (known !== undefined) return known;
  const text = isPlain(key) ? key : quoted(key);
  if (KEYS.size < MOST_KEYS) KEYS.set(key, text);
  return text;
}

const KEYS = new Map<string, string>();
const MOST_KEYS = 1000;

function writeList(items: readonly Json[], indent: string, out: string[]): void {
  for (const [index, item] of items.entries()) {
    if (index > 0) out.push(indent);
    out.push('-');
    writeValue(item, indent, out, false);
  }
}

/** After a colon or a dash; a collection below a key begins on the next line, one below a dash on the same. */
function writeValue(value: Json, indent: string, out: string[], inMap: boolean): void {
  if (typeof value === 'string') {
    out.push(' ', stringText(value, indent), '\n');
  } else if (typeof value !== 'object' || value === null) {
    out.push(' ', String(value), '\n');
  } else {
    if (isEmpty(value)) {
      out.push(Array.isArray(value) ? ' []\n' : ' {}\n');
      return;
    }
    const deeper = `${indent}  `;
    out.push(inMap ? `\n${deeper}` : ' ');
    if (Array.isArray(value)) writeList(value, deeper, out);
    else writeMap(value as JsonMap, deeper, out);
  }
}

function isEmpty(value: object): boolean {
  if (Array.isArray(value)) return value.length === 0;
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}

function stringText(text: string, indent: string): string {
  if (isPlain(text)) return text;
  return text.includes('\n') && LITERAL.test(text) ? literal(text, indent) : quoted(text);
}

/** A block says by its head what becomes of the line breaks at its end. */
function literal(text: string, indent: string): string {
  const body = text.replace(/\n+$/, '');
  const breaks = text.length - body.length;
  const head = breaks === 0 ? '|-' : breaks === 1 ? '|' : '|+';
  const lines = body.split('\n').map((line) => (line === '' ? '' : `${indent}  ${line}`));
  return `${head}\n${lines.join('\n')}${'\n'.repeat(Math.max(breaks - 1, 0))}`;
}

/** JSON's escapes are those of YAML; what a terminal or a reader might act on is escaped too. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(INVISIBLE, escaped);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

function isPlain(text: string): boolean {
  return (SIMPLE.test(text) || PLAIN.test(text) || UNMISTAKABLE.test(text)) && !WORDS.test(text);
}

const LONGEST_KEY = 1000;
/** Controls, and characters that change how others are shown; line separators, which old readers break lines at. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;
/** Most of what the next one finds, many times quicker. */
const SIMPLE = /^[A-Za-z_/][\w./-]*$/;
/** Begins with a letter, a path or a variable; holds nothing that ends a plain scalar. */
const PLAIN = /^(?:[A-Za-z_/$]|\.{1,2}\/)(?:[^\p{C}\p{Z}:#]|:(?=[^\p{C}\p{Z}])|(?<! )#| (?=[^\p{C}\p{Z}#]))*$/u;
/** `10s`, `18-alpine`: no number has these letters. */
const UNMISTAKABLE = /^\d[\w.-]*[g-np-wyzG-NP-WYZ][\w.-]*$/;
const WORDS = /^(?:y|n|yes|no|on|off|true|false|null)$/i;
/** Nothing that needs an escape; begins with a letter or mark, since spaces would say how far the block is indented. */
const LITERAL = /^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]|\n|\t)*$/u;
