/*
 * What a CGI program is told of a request, after RFC 3875 and, where it costs nothing, WAGI. All texts are byte strings
 * (latin1), as they came: a program gets the very bytes of the client.
 *
 * Not handed on: credentials (4.1.18), what concerns the connection only, `Proxy` (as HTTP_PROXY it would redirect
 * what the program itself fetches), and names with anything but letters, digits and hyphens, two of which could become
 * one variable. What the compose file says of a variable wins over all of this.
 */
import type { CgiSite } from './messages.ts';

export interface CgiRequest {
  readonly method: string;
  /** As in the request line. */
  readonly target: string;
  readonly httpVersion: string;
  /** Name, value, name, value, … */
  readonly rawHeaders: readonly string[];
  /** Undefined: there is no body. */
  readonly bodyLength: number | undefined;
  readonly peer: { readonly address: string; readonly port: number };
  readonly port: number;
}

export interface CgiCall {
  /** `NAME=value`, each ended by a NUL. */
  readonly variables: string;
  /** What follows argv[0] where the compose file names no arguments: the words of a search (4.4). */
  readonly words: readonly string[];
}

/** Undefined: the request's target cannot be a path. */
export function metaVariables(request: CgiRequest, site: CgiSite): CgiCall | undefined {
  const { path, query } = splitTarget(request.target);
  const decoded = decode(path);
  if (decoded === undefined) return undefined;
  const { method, peer, port } = request;
  const headers = collect(request.rawHeaders);
  const host = headers.get('HTTP_HOST') ?? '';
  const { scriptName, pathInfo } = scriptOf(decoded, site);
  const values: [name: string, value: string][] = [
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'wcompose'],
    ['SERVER_PROTOCOL', `HTTP/${request.httpVersion}`],
    ['SERVER_NAME', serverName(host) ?? site.hostname],
    ['SERVER_PORT', String(port)],
    ['REQUEST_METHOD', method],
    ['REQUEST_URI', request.target],
    ['SCRIPT_NAME', scriptName],
    ['PATH_INFO', pathInfo],
    ['QUERY_STRING', query],
    ['REMOTE_ADDR', peer.address],
    ['REMOTE_HOST', peer.address],
    ['REMOTE_PORT', String(peer.port)],
    ['X_MATCHED_ROUTE', '/...'],
    ['X_RAW_PATH_INFO', path],
    ['X_FULL_URL', `http://${host === '' ? site.hostname : host}${path}${query === '' ? '' : `?${query}`}`],
  ];
  if (request.bodyLength !== undefined) values.push(['CONTENT_LENGTH', String(request.bodyLength)]);
  if (site.root !== undefined) {
    values.push(['DOCUMENT_ROOT', site.root]);
    if (pathInfo !== '') values.push(['PATH_TRANSLATED', site.root + pathInfo]);
    // php-cgi runs nothing without the last: it takes it for a sign that a server has checked the path.
    if (site.script !== undefined) values.push(['SCRIPT_FILENAME', site.root + scriptName], ['REDIRECT_STATUS', '200']);
  }
  let variables = '';
  for (const [name, value] of values) if (!site.names.has(name)) variables += `${name}=${value}\0`;
  for (const [name, value] of headers) if (!site.names.has(name)) variables += `${name}=${value}\0`;
  return { variables, words: searchWords(method, query) };
}

/** The path and what follows its `?`, of any form of target that a server may get. */
function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const whole = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const mark = whole.indexOf('?');
  const path = mark < 0 ? whole : whole.slice(0, mark);
  const query = mark < 0 ? '' : whole.slice(mark + 1);
  return { path: path === '*' ? '' : path.startsWith('/') ? path : `/${path}`, query };
}

/** The bytes of a percent-encoded text; undefined for a bad escape and for a NUL, which no variable can hold. */
function decode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  if (/%(?![0-9a-f]{2})|%00/i.test(text)) return undefined;
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * Which part of the path names the script. Without a script the module itself is it, at `/`. With one, a path through
 * a file of the same ending is that file (`/blog/post.php/7`), and every other path is for the script of the site.
 */
function scriptOf(path: string, site: CgiSite): { readonly scriptName: string; readonly pathInfo: string } {
  const { script } = site;
  if (script === undefined) return { scriptName: '', pathInfo: path };
  const ending = /[^/](\.[a-z0-9]+)$/i.exec(script)?.[1];
  if (ending !== undefined && !path.split('/').includes('..')) {
    const at = `${path}/`.indexOf(`${ending}/`);
    if (at > 0) return { scriptName: path.slice(0, at + ending.length), pathInfo: path.slice(at + ending.length) };
  }
  return { scriptName: script, pathInfo: path };
}

function serverName(host: string): string | undefined {
  return /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d*)?$/i.exec(host)?.[1];
}

/** A query without `=` is a list of words for the command line, of GET and HEAD only. */
function searchWords(method: string, query: string): readonly string[] {
  if (query === '' || query.includes('=') || (method !== 'GET' && method !== 'HEAD')) return [];
  const words = query.split('+').map(decode);
  return words.every((word) => word !== undefined) ? words : [];
}

/** Header fields by the names of their variables; fields of one name are joined. */
function collect(rawHeaders: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const variable = variableOf(rawHeaders[i] ?? '');
    if (variable === undefined) continue;
    const value = rawHeaders[i + 1] ?? '';
    const former = found.get(variable);
    found.set(variable, former === undefined ? value : `${former}${variable === 'HTTP_COOKIE' ? '; ' : ', '}${value}`);
  }
  return found;
}

function variableOf(field: string): string | undefined {
  const known = KNOWN.get(field);
  if (known !== undefined) return known === '' ? undefined : known;
  const lower = field.toLowerCase();
  const name = lower.toUpperCase().replaceAll('-', '_');
  const isKept = /^[a-z0-9-]+$/.test(lower) && !WITHHELD.has(lower);
  const variable = isKept ? (lower === 'content-type' ? name : `HTTP_${name}`) : '';
  if (KNOWN.size < KNOWN_LIMIT) KNOWN.set(field, variable);
  return variable === '' ? undefined : variable;
}

/** Names as clients write them, with what became of them; empty: nothing. */
const KNOWN = new Map<string, string>();
const KNOWN_LIMIT = 256;

const WITHHELD: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
