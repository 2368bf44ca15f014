import { STATUS_CODES } from 'node:http';

/** What a program may write before the blank line. */
const HEADER_LIMIT = 64 * 1024;

/** What the header of a CGI program asks for (RFC 3875, 6). */
export type CgiHeader =
  /** The answer to another path of the same server, as if the client had asked for it. */
  | { readonly kind: 'local-redirect'; readonly target: string }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly reason: string;
      readonly contentLength: number | undefined;
      /** Name, value, name, value, … */
      readonly fields: readonly string[];
    };

/** The program wrote what is no header. */
export class BadHeader extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadHeader';
  }
}

/** Finds the end of a header that comes in pieces. */
export class HeaderReader {
  #seen: Uint8Array = new Uint8Array(0);
  /** Where the present line begins. */
  #line = 0;
  #at = 0;

  get length(): number {
    return this.#seen.length;
  }

  /** The header and the first bytes after it, once it is complete. Throws BadHeader. */
  push(chunk: Uint8Array): { readonly header: CgiHeader; readonly rest: Uint8Array } | undefined {
    this.#seen = this.#seen.length === 0 ? chunk : Buffer.concat([this.#seen, chunk]);
    for (; this.#at < this.#seen.length; this.#at++) {
      if (this.#at >= HEADER_LIMIT) throw new BadHeader(`a header of more than ${HEADER_LIMIT} bytes`);
      if (this.#seen[this.#at] !== LF) continue;
      const size = this.#at - this.#line;
      const isBlank = size === 0 || (size === 1 && this.#seen[this.#line] === CR);
      if (isBlank) {
        const text = Buffer.from(this.#seen.buffer, this.#seen.byteOffset, this.#line).toString('latin1');
        return { header: parseHeader(text), rest: this.#seen.subarray(this.#at + 1) };
      }
      this.#line = this.#at + 1;
    }
    return undefined;
  }
}

const LF = 10;
const CR = 13;

/** The header, without its blank line. Throws BadHeader. */
function parseHeader(text: string): CgiHeader {
  const { fields, own } = parseFields(text);
  const location = own.get('location');
  const status = own.get('status');
  if (location === undefined && status === undefined && !own.has('content-type')) {
    throw new BadHeader('a header with none of Content-Type, Location and Status');
  }
  if (location?.startsWith('/') === true && status === undefined) return { kind: 'local-redirect', target: location };
  const { code, reason } = parseStatus(status ?? (location === undefined ? '200' : '302'));
  return { kind: 'answer', status: code, reason, contentLength: parseLength(own.get('content-length')), fields };
}

/** What goes to the client, and what means something to us. */
function parseFields(text: string): { readonly fields: string[]; readonly own: ReadonlyMap<string, string> } {
  const fields: string[] = [];
  const own = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const { name, value } = parseField(line);
    const lower = name.toLowerCase();
    if (CONNECTION_FIELDS.has(lower)) continue;
    if (SINGLE.has(lower)) {
      if (own.has(lower)) throw new BadHeader(`two ${name} fields`);
      own.set(lower, value);
    }
    if (lower !== 'status' && lower !== 'content-length') fields.push(name, value);
  }
  return { fields, own };
}

function parseField(line: string): { readonly name: string; readonly value: string } {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line);
  const [, name, value] = match ?? [];
  if (name === undefined || value === undefined) throw new BadHeader(`a line that is no header field: ${shown(line)}`);
  return { name, value };
}

function parseStatus(text: string): { readonly code: number; readonly reason: string } {
  const match = /^([2-5]\d\d)(?: (.*))?$/.exec(text);
  if (match === null) throw new BadHeader(`a status that is none: ${shown(text)}`);
  const code = Number(match[1]);
  const said = match[2] ?? '';
  return { code, reason: said === '' ? (STATUS_CODES[code] ?? '') : said };
}

function parseLength(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new BadHeader(`a Content-Length that is none: ${shown(text)}`);
  return Number(text);
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

const SHOWN = 80;

const SINGLE: ReadonlySet<string> = new Set(['content-length', 'content-type', 'location', 'status']);

/** What concerns the connection is not the program's business. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
