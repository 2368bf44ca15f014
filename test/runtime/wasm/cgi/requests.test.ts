import { afterAll, beforeAll, describe, test } from 'vitest';

import { serviceName } from '../../../../src/model/ids.ts';
import { WasmBench } from '../wasm-bench.ts';
import { cgiService, type CgiUp, exchange, request, upCgi } from './cgi-bench.ts';

let bench: WasmBench;
let up: CgiUp;
/** It has a script as php-cgi takes one. */
let scripted: CgiUp;

beforeAll(async () => {
  bench = new WasmBench();
  const environment = { GREETING: 'grüß', HTTP_X_FIXED: 'from the file' };
  [up, scripted] = await Promise.all([
    upCgi(bench, cgiService({}, { environment })),
    upCgi(bench, cgiService({ script: '/srv/env/index.php', root: '/srv' }, { name: serviceName('scripted') })),
  ]);
});

afterAll(async () => await bench[Symbol.asyncDispose]());

/** The variables of a request, as the guest printed them. */
async function variablesOf(text: string, port = up.port): Promise<Readonly<Record<string, string>>> {
  const body = (await exchange(port, text)).split('\r\n\r\n')[1] ?? '';
  return Object.fromEntries(body.split('\n').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]));
}

test('what a program is told of a request', async ({ expect }) => {
  const told = await variablesOf(request('GET /env?a=%20b&c', ['Accept: text/plain', 'User-Agent: test']));
  expect(told).toMatchObject({
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: 'wcompose',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_NAME: 'example.test',
    SERVER_PORT: '8080',
    REQUEST_METHOD: 'GET',
    REQUEST_URI: '/env?a=%20b&c',
    SCRIPT_NAME: '',
    PATH_INFO: '/env',
    QUERY_STRING: 'a=%20b&c',
    REMOTE_ADDR: '127.0.0.1',
    HTTP_HOST: 'example.test:8000',
    HTTP_ACCEPT: 'text/plain',
    HTTP_USER_AGENT: 'test',
    X_FULL_URL: 'http://example.test:8000/env?a=%20b&c',
    X_MATCHED_ROUTE: '/...',
    X_RAW_PATH_INFO: '/env',
    GREETING: Buffer.from('grüß').toString('latin1'),
  });
  expect(told).not.toHaveProperty('CONTENT_LENGTH');
  expect(told).not.toHaveProperty('CONTENT_TYPE');
});

describe('header fields', () => {
  test.for([
    ['of one name are joined', ['X-A: 1', 'x-a: 2'], { HTTP_X_A: '1, 2' }],
    ['of cookies are joined as cookies are', ['Cookie: a=1', 'Cookie: b=2'], { HTTP_COOKIE: 'a=1; b=2' }],
    ['keep their bytes', ['X-A: \xe9'], { HTTP_X_A: '\xe9' }],
    [
      'of the type have a variable of their own',
      ['Content-Type: a/b'],
      { CONTENT_TYPE: 'a/b', HTTP_CONTENT_TYPE: undefined },
    ],
    ['cannot set what programs take for their proxy', ['Proxy: http://evil'], { HTTP_PROXY: undefined }],
    ['with credentials stay here', ['Authorization: Basic x'], { HTTP_AUTHORIZATION: undefined, AUTH_TYPE: undefined }],
    ['of the connection stay here', ['TE: trailers'], { HTTP_TE: undefined, HTTP_CONNECTION: undefined }],
    ['that could be taken for another stay here', ['X_Fixed: 1', 'X_B: 1'], { HTTP_X_B: undefined }],
    ['do not win over the compose file', ['X-Fixed: from the client'], { HTTP_X_FIXED: 'from the file' }],
  ] as const)('%s', async ([, headers, wanted], { expect }) => {
    expect(await variablesOf(request('GET /env', headers))).toMatchObject(
      Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)),
    );
    for (const [name, value] of Object.entries(wanted)) {
      if (value === undefined) expect(await variablesOf(request('GET /env', headers))).not.toHaveProperty(name);
    }
  });
});

test('a name of the server that cannot be one is its own', async ({ expect }) => {
  const text = 'GET /env HTTP/1.1\r\nHost: a"b\r\nConnection: close\r\n\r\n';
  expect((await variablesOf(text))['SERVER_NAME']).toMatch(/^host-\d+$/);
});

describe('targets', () => {
  test.for([
    ['GET /%65nv', { PATH_INFO: '/env', X_RAW_PATH_INFO: '/%65nv' }],
    ['GET http://other.test/env?q', { PATH_INFO: '/env', QUERY_STRING: 'q' }],
  ] as const)('%s', async ([line, wanted], { expect }) => {
    expect(await variablesOf(request(line))).toMatchObject(wanted);
  });

  test.for(['GET /%', 'GET /%zz', 'GET /a%00b'])('%s is no path', async (line, { expect }) => {
    expect(await exchange(up.port, request(line))).toMatch(/^HTTP\/1.1 400 /);
  });

  test('the words of a search are arguments, those of a form are not', async ({ expect }) => {
    const argsOf = async (line: string): Promise<readonly string[]> =>
      ((await exchange(up.port, request(line))).split('\r\n\r\n')[1] ?? '').trim().split('\n').slice(1);
    expect(await argsOf('GET /args?one+t%77o')).toEqual(['one', 'two']);
    expect(await argsOf('GET /args?a=1')).toEqual([]);
    expect(await argsOf('POST /args?one')).toEqual([]);
  });
});

/** What php-cgi looks at; the guest of the tests prints its variables for the path `/env`. */
describe('a script', () => {
  const site = { DOCUMENT_ROOT: '/srv', REDIRECT_STATUS: '200', GATEWAY_INTERFACE: 'CGI/1.1' };
  test.for([
    ['GET /env?a=1', { SCRIPT_NAME: '/env/index.php', SCRIPT_FILENAME: '/srv/env/index.php', PATH_INFO: '/env' }],
    ['GET /blog/post.php/env', { SCRIPT_NAME: '/blog/post.php', SCRIPT_FILENAME: '/srv/blog/post.php' }],
  ] as const)('%s', async ([line, wanted], { expect }) => {
    const told = await variablesOf(request(line), scripted.port);
    expect(told).toMatchObject({ ...site, ...wanted, PATH_TRANSLATED: '/srv/env' });
  });
});

describe('bodies', () => {
  const length = (body: string): string => `Content-Length: ${body.length}`;

  test('are the standard input', async ({ expect }) => {
    const answer = await exchange(up.port, request('POST /echo', [length('hello')], 'hello'));
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type: text\/plain\r\n/);
    expect(answer.split('\r\n\r\n')[1]).toBe('hello');
  });

  test('in chunks have a length, too', async ({ expect }) => {
    const chunks = '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
    const text = request('POST /env', ['Transfer-Encoding: chunked'], chunks);
    expect(await variablesOf(text)).toMatchObject({ CONTENT_LENGTH: '5' });
    expect(await exchange(up.port, request('POST /echo', ['Transfer-Encoding: chunked'], chunks))).toContain('abcde');
  });

  test('stream through, however long', async ({ expect }) => {
    const body = Buffer.alloc(5_000_000, 'abcdefg');
    const answer = await fetch(`${up.url}/echo`, { method: 'POST', body });
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  });

  test('that nobody reads hold nothing up', async ({ expect }) => {
    const body = Buffer.alloc(3_000_000);
    expect(await (await fetch(`${up.url}/unread`, { method: 'POST', body })).text()).toBe('read nothing\n');
    expect(await (await fetch(`${up.url}/x`)).text()).toBe('Hello from CGI: /x\n');
  });

  test.for([
    ['small', 'ok'],
    ['large', 'x'.repeat(100_000)],
  ])('that wait to be wanted: %s', async ([, body = ''], { expect }) => {
    const answer = await exchange(up.port, request('POST /echo', [length(body), 'Expect: 100-continue'], body));
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
    expect(answer.replaceAll(/\r\n[0-9a-f]+\r\n/g, '')).toContain(body);
  });
});

/** What the program writes, and what becomes of it. */
const ANSWERS: readonly (readonly [what: string, written: string, wanted: RegExp])[] = [
  [
    'a document',
    'Content-Type: a/b\n\nbody',
    /^HTTP\/1.1 200 OK\r\nContent-Type: a\/b\r\nContent-Length: 4\r\n[^]*\r\n\r\nbody$/,
  ],
  ['lines that end with CR LF', 'Content-Type: a/b\r\n\r\nbody', /\r\n\r\nbody$/],
  ['a status', 'Status: 404 Gone Fishing\nContent-Type: a/b\n\n', /^HTTP\/1.1 404 Gone Fishing\r\n/],
  ['a status without words', 'Status: 404\n\n', /^HTTP\/1.1 404 Not Found\r\n/],
  [
    'a redirect of the client',
    'Location: http://other/x\n\n',
    /^HTTP\/1.1 302 Found\r\nLocation: http:\/\/other\/x\r\n/,
  ],
  ['a redirect with its status', 'Status: 301\nLocation: /x\n\n', /^HTTP\/1.1 301 Moved[^]*Location: \/x\r\n/],
  ['a local redirect', 'Location: /local?x\n\n', /^HTTP\/1.1 200 OK\r\n[^]*Hello from CGI: \/local\n$/],
  ['fields of its own', 'Content-Type: a/b\nSet-Cookie: a\nSet-Cookie: b\n\n', /Set-Cookie: a\r\nSet-Cookie: b\r\n/],
  ['no body where there is none', 'Status: 204\n\nxx', /^HTTP\/1.1 204 No Content\r\n(?:[^\r]+\r\n)*\r\n$/],
  ['a length', 'Content-Type: a/b\nContent-Length: 2\n\nbody', /\r\nContent-Length: 2\r\n[^]*\r\n\r\nbo$/],
  [
    'fields of the connection',
    'Content-Type: a/b\nTransfer-Encoding: gzip\nConnection: x\n\nb',
    /Content-Length: 1\r\n(?![^]*gzip)/,
  ],
  ['nothing', '', /^HTTP\/1.1 502 /],
  ['no header', 'hello\n\n', /^HTTP\/1.1 502 /],
  ['a header without its end', 'Content-Type: a/b\n', /^HTTP\/1.1 502 /],
  ['none of the three fields', 'X-A: 1\n\n', /^HTTP\/1.1 502 /],
  ['a field twice', 'Content-Type: a/b\nContent-Type: c/d\n\n', /^HTTP\/1.1 502 /],
  ['a status that is none', 'Status: 99\n\n', /^HTTP\/1.1 502 /],
  ['an interim status', 'Status: 100\n\n', /^HTTP\/1.1 502 /],
  ['a length that is none', 'Content-Type: a/b\nContent-Length: -1\n\n', /^HTTP\/1.1 502 /],
  ['a CR within a field', 'Content-Type: a/b\nX: a\rSet-Cookie: b\n\n', /^HTTP\/1.1 502 (?![^]*Set-Cookie)/],
  ['a NUL within a field', 'Content-Type: a/b\nX: a\0b\n\n', /^HTTP\/1.1 502 /],
  ['a space before a colon', 'Content-Type : a/b\n\n', /^HTTP\/1.1 502 /],
];

describe('what a program writes', () => {
  test.for(ANSWERS)('%s', async ([, written, wanted], { expect }) => {
    const text = request('POST /raw', [`Content-Length: ${written.length}`], written);
    expect(await exchange(up.port, text)).toMatch(wanted);
  });

  test('a wrong header is explained in the log and not to the client', async ({ expect }) => {
    const written = 'secret thing\n\n';
    const answer = await exchange(up.port, request('POST /raw?token', [`Content-Length: ${written.length}`], written));
    expect(answer.split('\r\n\r\n')[1]).toBe('502\n');
    const line = await up.logs.until('"secret thing"');
    expect(line.text).toBe('POST /raw: the program wrote a line that is no header field: "secret thing"');
  });

  test('a header in pieces is one', async ({ expect }) => {
    const answer = await fetch(`${up.url}/split`);
    expect([answer.headers.get('X-One'), await answer.text()]).toEqual(['1', 'body']);
  });

  test('HEAD has the header and no body', async ({ expect }) => {
    expect(await exchange(up.port, request('HEAD /x'))).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type[^]*\r\n\r\n$/);
  });

  test('a local redirect that never ends', async ({ expect }) => {
    expect((await fetch(`${up.url}/exit?0`)).status).toBe(502);
  });

  test('standard error is for the log', async ({ expect }) => {
    expect((await fetch(`${up.url}/stderr`)).status).toBe(200);
    expect((await up.logs.until('for the log')).stream).toBe('stderr');
  });
});

describe('a program that fails', () => {
  test.for([
    ['/exit?7', 500, 'GET /exit: the program ended with status 7'],
    ['/trap', 500, 'GET /trap: trap: unreachable'],
  ] as const)('%s', async ([path, status, reason], { expect }) => {
    const answer = await fetch(`${up.url}${path}`);
    expect([answer.status, await answer.text()]).toEqual([status, `${status}\n`]);
    expect((await up.logs.until(reason)).stream).toBe('system');
  });

  test('after its answer: the answer counts', async ({ expect }) => {
    expect(await (await fetch(`${up.url}/late-exit`)).text()).toBe('all\n');
    await up.logs.until('GET /late-exit: the program ended with status 3');
  });

  test('within its answer: the client can see that', async ({ expect }) => {
    const answer = await exchange(up.port, request('GET /late-trap'));
    expect(answer).not.toMatch(/Content-Length|\r\n0\r\n/);
  });
});

test('each request finds everything new', async ({ expect }) => {
  for (let i = 0; i < 2; i++) expect(await (await fetch(`${up.url}/write`)).text()).toBe('1\n');
});
