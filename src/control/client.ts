import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { fromWireError, WcError } from '../model/diagnostic.ts';
import type { WireError } from '../model/diagnostic.ts';
import { readNdjson } from './ndjson.ts';
import { PROTOCOL_VERSION } from './protocol.ts';
import type { RouteKey, Routes, SupervisorInfo } from './protocol.ts';

type StreamRoute = { [K in RouteKey]: Routes[K] extends { stream: unknown } ? K : never }[RouteKey];
type CallRoute = Exclude<RouteKey, StreamRoute>;

/** Talks to the supervisor of one project over its control socket. Holds no connection between calls. */
export class ControlClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async call<K extends CallRoute>(
    route: K,
    body: Routes[K]['request'],
    signal: AbortSignal,
  ): Promise<Routes[K] extends { response: infer R } ? R : never> {
    try {
      return await this.#call(route, body, signal);
    } catch (error) {
      throw isAbsent(error) && !signal.aborted ? supervisorLost(error) : error;
    }
  }

  /** The events of a call. Leaving the loop closes the request; the supervisor goes on with what it has begun. */
  async *stream<K extends StreamRoute>(
    route: K,
    body: Routes[K]['request'],
    signal: AbortSignal,
    query = '',
  ): AsyncGenerator<Routes[K] extends { stream: infer S } ? S : never> {
    let response: IncomingMessage | undefined;
    try {
      response = await this.#send(route, query, body, signal);
      yield* readNdjson<Routes[K] extends { stream: infer S } ? S : never>(response);
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof WcError ? error : supervisorLost(error);
    } finally {
      response?.destroy();
    }
  }

  /** Undefined when no supervisor listens. One of another protocol is ERR_SUPERVISOR_VERSION. */
  async probe(signal: AbortSignal): Promise<SupervisorInfo | undefined> {
    let info: SupervisorInfo;
    const patience = AbortSignal.timeout(ANSWER_MS);
    try {
      info = await this.#call('GET /v1/info', undefined, AbortSignal.any([signal, patience]));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      if (!patience.aborted || signal.aborted) throw error;
      throw new WcError('ERR_SUPERVISOR_BUSY', 'the supervisor of this project runs and does not answer', {
        hint: `find it with: fuser ${this.#socketPath}`,
        cause: error,
      });
    }
    if (info.protocol === PROTOCOL_VERSION) return info;
    throw new WcError(
      'ERR_SUPERVISOR_VERSION',
      `the supervisor of ${info.project} is wcompose ${info.version} and speaks another protocol (${info.protocol}, not ${PROTOCOL_VERSION})`,
      { hint: `stop it with: kill ${info.pid}; containers keep running and the next command takes over` },
    );
  }

  async #call<K extends CallRoute>(
    route: K,
    body: Routes[K]['request'],
    signal: AbortSignal,
  ): Promise<Routes[K] extends { response: infer R } ? R : never> {
    const response = await this.#send(route, '', body, signal);
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) text += String(chunk);
    return JSON.parse(text) as Routes[K] extends { response: infer R } ? R : never;
  }

  async #send(route: RouteKey, query: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage> {
    const [method = 'GET', path = '/'] = route.split(' ');
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers =
        payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
      const outgoing = request({
        socketPath: this.#socketPath,
        method,
        path: path + query,
        headers,
        signal,
        agent: false,
      });
      outgoing.on('response', resolve).on('error', reject);
      outgoing.end(payload);
    });
    if (response.statusCode === 200) return response;
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) text += String(chunk);
    throw fromWireError(JSON.parse(text) as WireError);
  }
}

/** It does nothing that takes long at once; a machine that is very busy may. */
const ANSWER_MS = 15_000;

function supervisorLost(cause: unknown): WcError {
  return new WcError('ERR_SUPERVISOR_LOST', 'the supervisor of the project ended in the middle of the command', {
    hint: 'run the command again: it sees what is there and goes on',
    cause,
  });
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET';
}
