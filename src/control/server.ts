import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { toWireError, WcError } from '../model/diagnostic.ts';
import type { RouteKey, Routes } from './protocol.ts';

/** What a route does: a value to send, or a stream of values. `signal` ends when the client goes away. */
export type Handlers = {
  readonly [K in RouteKey]: (
    call: Call<Routes[K]['request']>,
  ) => Promise<Routes[K] extends { response: infer R } ? R : AsyncIterable<unknown>>;
};

type Handler = ((call: Call<unknown>) => Promise<unknown>) | undefined;

export interface Call<Request> {
  readonly body: Request;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
}

/** Serves the routes on a unix socket that only this user can reach: its directory has mode 0700, the socket 0600. */
export async function serveControl(
  socketPath: string,
  handlers: Handlers,
  onError: (error: unknown) => void,
): Promise<Server> {
  // The lock says that no other supervisor is alive: a socket that is there is a dead one's.
  rmSync(socketPath, { force: true });
  const server = createServer((request, response) => {
    answer(request, response, handlers).catch(onError);
  });
  server.keepAliveTimeout = 1;
  const mask = process.umask(0o177);
  try {
    server.listen(socketPath);
    await once(server, 'listening');
  } finally {
    process.umask(mask);
  }
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse, handlers: Handlers): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.on('error', () => gone.abort());
  try {
    const url = new URL(request.url ?? '/', 'http://control');
    const handler = (handlers as unknown as Readonly<Record<string, Handler>>)[`${request.method} ${url.pathname}`];
    if (handler === undefined) throw new WcError('ERR_INTERNAL', `no such route: ${request.method} ${url.pathname}`);
    const body = await readBody(request);
    const result = await handler({ body, query: url.searchParams, signal: gone.signal });
    if (isStream(result)) await sendStream(response, result, gone.signal);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
  } catch (error) {
    if (response.headersSent || gone.signal.aborted) response.destroy();
    else response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(toWireError(error)));
    if (!(error instanceof WcError) && !gone.signal.aborted) throw error;
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** A slow client slows this loop and nothing else: what it reads is kept by the sender in bounded form. */
async function sendStream(
  response: ServerResponse,
  stream: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  for await (const value of stream) {
    if (signal.aborted) return;
    if (!response.write(toNdjson(value))) await drained(response);
  }
  response.end();
}

/** Bytes are lines of NDJSON already. */
function toNdjson(value: unknown): string | Uint8Array {
  if (value instanceof Uint8Array) return value;
  const lines = Array.isArray(value) ? value.map((one) => JSON.stringify(one)).join('\n') : JSON.stringify(value);
  return `${lines}\n`;
}

async function drained(response: ServerResponse): Promise<void> {
  const settled = new AbortController();
  const either = { signal: settled.signal };
  try {
    await Promise.race([once(response, 'drain', either), once(response, 'close', either)]);
  } finally {
    settled.abort();
  }
}
