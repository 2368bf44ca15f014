import { AbiError } from '../abi/handles.ts';
import { type ComponentGuest, err, type HostInterface, ok, OK, resource } from '../host/interface.ts';
import type { Pollable } from '../host/pollable.ts';
import type { IoError } from '../host/streams.ts';
import { type FieldEntry, Fields } from './fields.ts';
import type { FutureTrailers, IncomingBody, IncomingRequest, IncomingResponse } from './incoming.ts';
import { OutgoingResponse } from './outgoing.ts';
import type { OutgoingBody } from './outgoing-body.ts';
import {
  FutureResponse,
  OutgoingRequest,
  requestProblem,
  RequestOptions,
  type TaggedName,
} from './outgoing-request.ts';
import type { ResponseOutparam, ResponseResult } from './outparam.ts';

const FIELDS: HostInterface['functions'] = {
  '[constructor]fields': () => new Fields(),
  '[static]fields.from-list': (_g: ComponentGuest, entries: readonly FieldEntry[]) => Fields.fromList(entries),
  '[method]fields.get': (_g: ComponentGuest, fields: Fields, name: string) => fields.get(name),
  '[method]fields.has': (_g: ComponentGuest, fields: Fields, name: string) => fields.has(name),
  '[method]fields.set': (_g: ComponentGuest, fields: Fields, name: string, values: readonly Uint8Array[]) =>
    fields.set(name, values),
  '[method]fields.delete': (_g: ComponentGuest, fields: Fields, name: string) => fields.delete(name),
  '[method]fields.append': (_g: ComponentGuest, fields: Fields, name: string, value: Uint8Array) =>
    fields.append(name, value),
  '[method]fields.entries': (_g: ComponentGuest, fields: Fields) => fields.entries(),
  '[method]fields.clone': (_g: ComponentGuest, fields: Fields) => fields.clone(),
};

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);

const INCOMING: HostInterface['functions'] = {
  '[method]incoming-request.method': (_g: ComponentGuest, { message }: IncomingRequest): TaggedName => {
    const { method = 'GET' } = message;
    return METHODS.has(method) ? { tag: method.toLowerCase() } : { tag: 'other', val: method };
  },
  '[method]incoming-request.path-with-query': (_g: ComponentGuest, { message }: IncomingRequest) => message.url,
  '[method]incoming-request.scheme': (): TaggedName => ({ tag: 'HTTP' }),
  '[method]incoming-request.authority': (_g: ComponentGuest, { message }: IncomingRequest) => message.headers.host,
  '[method]incoming-request.headers': (_g: ComponentGuest, { message }: IncomingRequest) =>
    Fields.fromRaw(message.rawHeaders),
  '[method]incoming-request.consume': (_g: ComponentGuest, request: IncomingRequest) => once(request.consume()),
  '[method]incoming-response.status': (_g: ComponentGuest, { message }: IncomingResponse) => message.statusCode ?? 0,
  '[method]incoming-response.headers': (_g: ComponentGuest, { message }: IncomingResponse) =>
    Fields.fromRaw(message.rawHeaders),
  '[method]incoming-response.consume': (_g: ComponentGuest, response: IncomingResponse) => once(response.consume()),
  '[method]incoming-body.stream': (_g: ComponentGuest, body: IncomingBody) => once(body.stream()),
  '[static]incoming-body.finish': (_g: ComponentGuest, body: IncomingBody) => body.finish(),
  '[method]future-trailers.subscribe': (_g: ComponentGuest, trailers: FutureTrailers): Pollable => trailers,
  '[method]future-trailers.get': (_g: ComponentGuest, trailers: FutureTrailers) => trailers.get(),
};

const OUTGOING: HostInterface['functions'] = {
  '[constructor]outgoing-response': (_g: ComponentGuest, headers: Fields) => new OutgoingResponse(headers),
  '[method]outgoing-response.status-code': (_g: ComponentGuest, response: OutgoingResponse) => response.status,
  '[method]outgoing-response.set-status-code': (_g: ComponentGuest, response: OutgoingResponse, status: number) => {
    if (status < 100 || status > 999) return err(undefined);
    response.status = status;
    return OK;
  },
  '[method]outgoing-response.headers': (_g: ComponentGuest, response: OutgoingResponse) => response.headers,
  '[method]outgoing-response.body': (_g: ComponentGuest, response: OutgoingResponse) => once(response.takeBody()),
  '[method]outgoing-body.write': (_g: ComponentGuest, body: OutgoingBody) => once(body.stream()),
  '[static]outgoing-body.finish': (_g: ComponentGuest, body: OutgoingBody, trailers: Fields | undefined) =>
    body.finish(trailers),
  '[static]response-outparam.set': (_g: ComponentGuest, param: ResponseOutparam, response: ResponseResult) => {
    if (!param.set(response)) throw new AbiError('it answers a request twice');
  },
};

type Timeout = bigint | undefined;

const REQUESTS: HostInterface['functions'] = {
  '[constructor]outgoing-request': (_g: ComponentGuest, headers: Fields) => new OutgoingRequest(headers),
  '[method]outgoing-request.body': (_g: ComponentGuest, request: OutgoingRequest) => once(request.takeBody()),
  '[method]outgoing-request.headers': (_g: ComponentGuest, request: OutgoingRequest) => request.headers,
  '[method]outgoing-request.method': (_g: ComponentGuest, request: OutgoingRequest) => request.method,
  '[method]outgoing-request.set-method': (_g: ComponentGuest, request: OutgoingRequest, method: TaggedName) => {
    if (method.tag === 'other' && !TOKEN.test(method.val ?? '')) return err(undefined);
    request.method = method;
    return OK;
  },
  '[method]outgoing-request.path-with-query': (_g: ComponentGuest, request: OutgoingRequest) => request.path,
  '[method]outgoing-request.set-path-with-query': (
    _g: ComponentGuest,
    request: OutgoingRequest,
    path: string | undefined,
  ) => {
    if (path !== undefined && !PATH.test(path)) return err(undefined);
    request.path = path;
    return OK;
  },
  '[method]outgoing-request.scheme': (_g: ComponentGuest, request: OutgoingRequest) => request.scheme,
  '[method]outgoing-request.set-scheme': (
    _g: ComponentGuest,
    request: OutgoingRequest,
    scheme: TaggedName | undefined,
  ) => {
    request.scheme = scheme;
    return OK;
  },
  '[method]outgoing-request.authority': (_g: ComponentGuest, request: OutgoingRequest) => request.authority,
  '[method]outgoing-request.set-authority': (
    _g: ComponentGuest,
    request: OutgoingRequest,
    authority: string | undefined,
  ) => {
    if (authority !== undefined && !AUTHORITY.test(authority)) return err(undefined);
    request.authority = authority;
    return OK;
  },
  '[constructor]request-options': () => new RequestOptions(),
  ...timeout('connect-timeout', 'connectTimeout'),
  ...timeout('first-byte-timeout', 'firstByteTimeout'),
  ...timeout('between-bytes-timeout', 'betweenBytesTimeout'),
  '[method]future-incoming-response.subscribe': (_g: ComponentGuest, response: FutureResponse): Pollable => ({
    isReady: () => response.isReady(),
  }),
  '[method]future-incoming-response.get': (_g: ComponentGuest, response: FutureResponse) => response.get(),
};

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** No spaces and no control characters: they would end the request line. */
const PATH = /^[\u0021-\u007e\u0080-\u00ff]*$/;
const AUTHORITY = /^[\u0021-\u007e]+$/;

function timeout(
  name: string,
  key: 'connectTimeout' | 'firstByteTimeout' | 'betweenBytesTimeout',
): HostInterface['functions'] {
  return {
    [`[method]request-options.${name}`]: (_g: ComponentGuest, options: RequestOptions) => options[key],
    [`[method]request-options.set-${name}`]: (_g: ComponentGuest, options: RequestOptions, value: Timeout) => {
      options[key] = value;
      return OK;
    },
  };
}

/** What can be had once. */
function once<T>(taken: T | undefined): ReturnType<typeof ok<T>> | ReturnType<typeof err<undefined>> {
  return taken === undefined ? err(undefined) : ok(taken);
}

/** `wasi:http` of 0.2. */
export const HTTP: Readonly<Record<string, HostInterface>> = {
  'wasi:http/types': {
    resources: Object.fromEntries(
      [
        'fields',
        'incoming-request',
        'outgoing-request',
        'request-options',
        'response-outparam',
        'incoming-response',
        'incoming-body',
        'future-trailers',
        'outgoing-response',
        'outgoing-body',
        'future-incoming-response',
      ].map((name) => [name, resource(name)]),
    ),
    functions: {
      ...FIELDS,
      ...INCOMING,
      ...OUTGOING,
      ...REQUESTS,
      'http-error-code': (_g: ComponentGuest, error: IoError) => error.http,
    },
  },
  'wasi:http/outgoing-handler': {
    functions: {
      handle: (guest: ComponentGuest, request: OutgoingRequest, options: RequestOptions | undefined) => {
        const problem = requestProblem(request);
        return problem === undefined ? ok(new FutureResponse(guest, request, options)) : err(problem);
      },
    },
  },
};
