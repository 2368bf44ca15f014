import { validateHeaderName } from 'node:http';

import { err, ok, OK, type Result } from '../host/interface.ts';

export type HeaderError = { readonly tag: 'invalid-syntax' | 'forbidden' | 'immutable' };
export type FieldEntry = readonly [name: string, value: Uint8Array];

/** What concerns a connection and not a message is the host's business. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);
/** In all, as for what clients send. */
const SIZE_LIMIT = 64 * 1024;

/** `fields`: headers or trailers, in their order. */
export class Fields {
  #entries: FieldEntry[];
  #size: number;
  #isImmutable = false;

  constructor(entries: readonly FieldEntry[] = []) {
    this.#entries = [...entries];
    this.#size = entries.reduce((size, [name, value]) => size + name.length + value.length, 0);
  }

  /** Of a message that came: `rawHeaders` of Node, names and values in turn. */
  static fromRaw(raw: readonly string[]): Fields {
    const entries: FieldEntry[] = [];
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? '';
      const lower = name.toLowerCase();
      if (lower !== 'host' && FORBIDDEN.has(lower)) continue;
      entries.push([name, Buffer.from(raw[i + 1] ?? '', 'latin1')]);
    }
    return new Fields(entries).freeze();
  }

  static fromList(entries: readonly FieldEntry[]): Result<Fields, HeaderError> {
    const fields = new Fields();
    for (const [name, value] of entries) {
      const done = fields.append(name, value);
      if (done.tag === 'err') return done;
    }
    return ok(fields);
  }

  /** Names and values in turn, for Node to send. */
  toRaw(): string[] {
    return this.#entries.flatMap(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
  }

  /** They belong to a message that others look at by now. */
  freeze(): this {
    this.#isImmutable = true;
    return this;
  }

  clone(): Fields {
    return new Fields(this.#entries);
  }

  entries(): readonly FieldEntry[] {
    return this.#entries;
  }

  get(name: string): readonly Uint8Array[] {
    return this.#entries.filter(([key]) => isSame(key, name)).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.#entries.some(([key]) => isSame(key, name));
  }

  set(name: string, values: readonly Uint8Array[]): Result<undefined, HeaderError> {
    const problem = this.#problem(name, values);
    if (problem !== undefined) return err(problem);
    this.#remove(name);
    for (const value of values) this.#add(name, value);
    return OK;
  }

  delete(name: string): Result<undefined, HeaderError> {
    const problem = this.#problem(name, []);
    if (problem !== undefined) return err(problem);
    this.#remove(name);
    return OK;
  }

  append(name: string, value: Uint8Array): Result<undefined, HeaderError> {
    const problem = this.#problem(name, [value]);
    if (problem !== undefined) return err(problem);
    this.#add(name, value);
    return OK;
  }

  #add(name: string, value: Uint8Array): void {
    this.#entries.push([name, value]);
    this.#size += name.length + value.length;
  }

  #remove(name: string): void {
    this.#entries = this.#entries.filter(([key, value]) => {
      const stays = !isSame(key, name);
      if (!stays) this.#size -= key.length + value.length;
      return stays;
    });
  }

  #problem(name: string, values: readonly Uint8Array[]): HeaderError | undefined {
    if (this.#isImmutable) return { tag: 'immutable' };
    if (!isName(name) || !values.every(isValue)) return { tag: 'invalid-syntax' };
    if (FORBIDDEN.has(name.toLowerCase())) return { tag: 'forbidden' };
    const added = values.reduce((size, value) => size + name.length + value.length, 0);
    return this.#size + added > SIZE_LIMIT ? { tag: 'forbidden' } : undefined;
  }
}

function isSame(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());
}

function isName(name: string): boolean {
  try {
    validateHeaderName(name);
    return true;
  } catch {
    // ERR_INVALID_HTTP_TOKEN
    return false;
  }
}

/** No control characters: one that ends the line would begin another header. */
function isValue(value: Uint8Array): boolean {
  return value.every((byte) => byte === TAB || (byte >= SPACE && byte !== DELETE));
}

const TAB = 9;
const SPACE = 32;
const DELETE = 127;
