/** The value of a variable; undefined where it is not set. */
export type Lookup = (name: string) => string | undefined;

export type Operator = ':-' | '-' | ':+' | '+' | ':?' | '?';

/** One piece of a text with variables. `word` is what follows the operator, its own variables not filled in yet. */
export type Part =
  | { readonly literal: string }
  | { readonly name: string; readonly operator?: Operator | undefined; readonly word: string };

export class TemplateError extends Error {
  readonly kind: 'invalid' | 'required';
  readonly template: string;

  constructor(kind: 'invalid' | 'required', template: string, message: string) {
    super(message);
    this.name = 'TemplateError';
    this.kind = kind;
    this.template = template;
  }
}

/**
 * The text with its variables filled in: `$NAME`, `${NAME}`, and `${NAME<operator>word}`. Words are looked at only
 * when they are used, so a default that is not needed warns of nothing. Throws TemplateError.
 */
export function substitute(text: string, lookup: Lookup, unset: (name: string) => void): string {
  return new Substitution(text, lookup, unset).fill(text);
}

/** Deeper than anybody writes; what is deeper would fill the stack, in time that grows with the square of it. */
export const MAX_DEPTH = 100;

type Variable = Extract<Part, { readonly name: string }>;

class Substitution {
  readonly #whole: string;
  readonly #lookup: Lookup;
  readonly #unset: (name: string) => void;
  #depth = 0;

  constructor(whole: string, lookup: Lookup, unset: (name: string) => void) {
    this.#whole = whole;
    this.#lookup = lookup;
    this.#unset = unset;
  }

  fill(text: string): string {
    if (++this.#depth > MAX_DEPTH) throw invalid(this.#whole);
    const filled = parseTemplate(text).map((part) => ('literal' in part ? part.literal : this.#variable(part)));
    this.#depth--;
    return filled.join('');
  }

  #variable(part: Variable): string {
    const { name, operator } = part;
    const value = this.#lookup(name);
    const usable = value !== undefined && isUsable(value, operator);
    const word = (): string => this.fill(part.word);
    switch (operator) {
      case undefined:
        if (value === undefined) this.#unset(name);
        return value ?? '';
      case '-':
      case ':-':
        return usable ? value : word();
      case '+':
      case ':+':
        return usable ? word() : '';
      case '?':
      case ':?':
        if (usable) return value;
        throw new TemplateError('required', part.word, requiredMessage(name, word()));
    }
  }
}

/** With a colon an empty value is as good as none. */
function isUsable(value: string, operator: Operator | undefined): boolean {
  return value !== '' || operator?.startsWith(':') !== true;
}

function requiredMessage(name: string, reason: string): string {
  return `required variable ${name} is missing a value${reason === '' ? '' : `: ${reason}`}`;
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const OPERATOR = /:?[-+?]/y;

/** Throws TemplateError where `${` is not followed by a name, an operator or the closing brace. */
export function parseTemplate(text: string): readonly Part[] {
  const parts: Part[] = [];
  let literal = '';
  let at = 0;
  const variable = (part: Variable): void => {
    if (literal !== '') parts.push({ literal });
    literal = '';
    parts.push(part);
  };
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) break;
    literal += text.slice(at, dollar);
    const next = text[dollar + 1];
    const name = match(NAME, text, dollar + 1);
    if (next === '$') {
      literal += '$';
      at = dollar + 2;
    } else if (next === '{') {
      const { part, end } = braced(text, dollar);
      variable(part);
      at = end;
    } else if (name !== undefined) {
      variable({ name, word: '' });
      at = dollar + 1 + name.length;
    } else {
      literal += '$';
      at = dollar + 1;
    }
  }
  literal += text.slice(at);
  if (literal !== '') parts.push({ literal });
  return parts;
}

/** `${NAME}` or `${NAME<operator>word}`; `dollar` is where it begins. */
function braced(text: string, dollar: number): { readonly part: Variable; readonly end: number } {
  const name = match(NAME, text, dollar + 2);
  if (name === undefined) throw invalid(text);
  const after = dollar + 2 + name.length;
  if (text[after] === '}') return { part: { name, word: '' }, end: after + 1 };
  const operator = match(OPERATOR, text, after) as Operator | undefined;
  if (operator === undefined) throw invalid(text);
  const end = closingBrace(text, after);
  if (end < 0) throw invalid(text);
  return { part: { name, operator, word: text.slice(after + operator.length, end) }, end: end + 1 };
}

/** Braces of the word itself are counted, so that `${A:-{"x":1}}` has JSON as its default. */
function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '{') depth++;
    if (text[at] === '}' && --depth === 0) return at;
  }
  return -1;
}

function match(pattern: RegExp, text: string, from: number): string | undefined {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0];
}

function invalid(text: string): TemplateError {
  return new TemplateError('invalid', text, `invalid template: "${text}"`);
}
