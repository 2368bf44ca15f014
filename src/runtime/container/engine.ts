import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import type { Duplex, Readable } from 'node:stream';

import { WcError } from '../../model/diagnostic.ts';
import { describeEndpoint, resolveEndpoint } from './endpoint.ts';
import type { EngineEndpoint } from './endpoint.ts';
import type { Filters, VersionReply } from './engine-api.ts';
import { EngineError } from './errors.ts';
import { openSsh, SshAgent } from './ssh-agent.ts';

/** The newest Engine API this code was written for; an older Engine is spoken to in its own version. */
const KNOWN_API = '1.51';
/** Docker 20.10. */
const OLDEST_API = '1.41';

export interface EngineRequest {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly filters?: Filters;
  /** Sent as JSON; of POST only. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Sent as a tar archive; a stream that fails with a WcError fails the request with it. */
  readonly tar?: Uint8Array | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HijackRequest {
  readonly query?: Readonly<Record<string, number | string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

/**
 * A connection to one Docker Engine: requests and streams of its HTTP API in the newest version that both sides
 * know. Paths carry no version. Everything else the project knows of the API is in the files beside this one.
 * Disposing ends every request, stream and hijacked connection.
 */
export class Engine implements AsyncDisposable {
  /** As a user writes it, with where it comes from: `unix:///var/run/docker.sock (from DOCKER_HOST)`. */
  readonly description: string;
  readonly isLocal: boolean;
  readonly version: string;
  readonly apiVersion: string;
  /** What the Engine would speak with somebody newer. */
  readonly newestApi: string;
  readonly arch: string;
  /** `linux`, `windows` */
  readonly os: string;
  /** Podman speaks most of the Engine's API, and has no BuildKit. */
  readonly isPodman: boolean;
  readonly #endpoint: EngineEndpoint;
  readonly #connection: Connection;
  readonly #hijacked = new Set<Duplex>();

  private constructor(endpoint: EngineEndpoint, connection: Connection, reply: VersionReply) {
    this.#endpoint = endpoint;
    this.#connection = connection;
    this.description = describeEndpoint(endpoint);
    this.isLocal = endpoint.kind === 'unix';
    this.version = reply.Version;
    this.apiVersion = olderOf(KNOWN_API, reply.ApiVersion);
    this.newestApi = reply.ApiVersion;
    this.arch = reply.Arch;
    this.os = reply.Os ?? 'linux';
    this.isPodman = reply.Components?.some(({ Name }) => /podman/i.test(Name)) ?? false;
  }

  /** Connects to the Engine that `docker` would use. Throws ERR_ENGINE_UNREACHABLE. */
  static async open(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Engine> {
    signal.throwIfAborted();
    const endpoint = resolveEndpoint(env);
    const patience = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const connection = await connect(endpoint, env);
    try {
      const reply = (await readJson(await dial(connection, 'GET', '/version', {}, patience))) as VersionReply;
      if (typeof reply.ApiVersion !== 'string') throw new Error('what answers there is no Docker Engine');
      requireCommonApi(reply, endpoint);
      const engine = new Engine(endpoint, connection, reply);
      connection.modem.version = `v${engine.apiVersion}`;
      return engine;
    } catch (error) {
      connection.agent.destroy();
      signal.throwIfAborted();
      throw unreachable(error, endpoint);
    }
  }

  /** The JSON of the answer; undefined when it has none. Throws EngineError, or ERR_ENGINE_UNREACHABLE. */
  async request<T>(method: string, path: string, options: EngineRequest, signal: AbortSignal): Promise<T> {
    return await this.#guard(
      async () => (await readJson(await dial(this.#connection, method, path, options, signal))) as T,
      signal,
    );
  }

  /**
   * The body of the answer as it comes. It fails when the connection does (see `isLost`) or the signal is aborted;
   * a reader that leaves it ends the connection.
   */
  async stream(method: string, path: string, options: EngineRequest, signal: AbortSignal): Promise<Readable> {
    return await this.#guard(async () => await dial(this.#connection, method, path, options, signal), signal);
  }

  /**
   * The raw connection behind an `attach` or the start of an `exec`. Not dockerode's: that one always sends a JSON body,
   * which Podman hands to an attached container's stdin (apocas/dockerode#777).
   */
  async hijack(path: string, options: HijackRequest, signal: AbortSignal): Promise<Duplex> {
    const operation = `POST ${path}`;
    const payload = options.body === undefined ? '' : JSON.stringify(options.body);
    const type = options.body === undefined ? {} : { 'Content-Type': 'application/json' };
    const query = Object.entries(options.query ?? {}).map(textPair);
    const open = async (): Promise<Duplex> =>
      await new Promise<Duplex>((resolve, reject) => {
        const send = this.#connection.protocol === 'https' ? httpsRequest : httpRequest;
        const outgoing = send({
          ...this.#connection.target,
          method: 'POST',
          path: `/v${this.apiVersion}${path}?${new URLSearchParams(query).toString()}`,
          headers: { Connection: 'Upgrade', Upgrade: 'tcp', ...type, 'Content-Length': Buffer.byteLength(payload) },
          signal,
          agent: false,
        });
        outgoing.on('upgrade', (_response: IncomingMessage, socket: Duplex, head: Buffer) => {
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
        });
        outgoing.on('response', (response) => {
          readText(response).then(
            (text) => reject(new EngineError(operation, response.statusCode ?? 0, messageOf(text))),
            reject,
          );
        });
        outgoing.on('error', reject);
        outgoing.end(payload);
      });
    const socket = await this.#guard(open, signal);
    this.#keep(socket, signal);
    return socket;
  }

  /** True when the Engine's API is at least this version, for what older Engines lack. */
  supports(version: string): boolean {
    return minor(this.apiVersion) >= minor(version);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closed = true;
    this.#connection.agent.destroy();
    for (const socket of this.#hijacked) socket.destroy();
    await Promise.resolve();
  }

  /** After the upgrade the connection is nobody's but its user's: the signal and disposal must still end it. */
  #keep(socket: Duplex, signal: AbortSignal): void {
    const end = (): void => void socket.destroy();
    this.#hijacked.add(socket);
    signal.addEventListener('abort', end, { once: true });
    socket.once('close', () => {
      signal.removeEventListener('abort', end);
      this.#hijacked.delete(socket);
    });
    if (signal.aborted) end();
  }

  async #guard<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    try {
      return await task();
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof EngineError ? error : unreachable(error, this.#endpoint);
    }
  }
}

/** True for what a request, a stream or a hijacked connection fails with when the Engine goes away. */
export function isLost(error: unknown): boolean {
  if (error instanceof WcError) return error.code === 'ERR_ENGINE_UNREACHABLE';
  return LOST_CODES.has((error as NodeJS.ErrnoException).code ?? '');
}

/** The part of dockerode that is used: its transport. */
interface Modem {
  version?: string;
  dial(
    options: {
      readonly path: string;
      readonly method: string;
      readonly isStream: true;
      readonly abortSignal: AbortSignal;
      readonly statusCodes: Readonly<Record<number, true>>;
      readonly headers: Readonly<Record<string, string>>;
      readonly options: { readonly _query: object; readonly _body: object };
      readonly file?: Buffer | Readable;
    },
    done: (error: Error | null, answer: IncomingMessage) => void,
  ): void;
}

interface Connection {
  readonly modem: Modem;
  /** One per Engine, so that closing it closes this Engine's sockets and no others. */
  readonly agent: Agent;
  readonly protocol: 'http' | 'https';
  /** Where a request of our own goes. */
  readonly target: Readonly<Record<string, unknown>>;
  closed: boolean;
}

async function connect(endpoint: EngineEndpoint, env: NodeJS.ProcessEnv): Promise<Connection> {
  // Loaded here, because it is large and a project without containers does not need it.
  const { default: Docker } = await import('dockerode');
  const tls = endpoint.kind === 'tcp' ? endpoint.tls : undefined;
  const secrets = tls === undefined ? {} : { ca: tls.ca, cert: tls.cert, key: tls.key };
  const protocol = tls === undefined ? 'http' : 'https';
  // No connection is kept: a new one to a local socket costs next to nothing, an old one may be dead.
  const plain = endpoint.kind === 'ssh' ? new SshAgent(endpoint, env) : new Agent();
  const agent = tls === undefined ? plain : new TlsAgent({ ...secrets, rejectUnauthorized: tls.verify });
  const target = targetOf(endpoint, env);
  // Every option is given: what is left out, the modem would take from DOCKER_HOST of the environment.
  const options = {
    socketPath: endpoint.kind === 'unix' ? endpoint.socketPath : undefined,
    host: endpoint.kind === 'unix' ? undefined : endpoint.host,
    port: endpoint.kind === 'tcp' ? endpoint.port : undefined,
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    protocol,
    timeout: undefined,
    version: undefined,
    agent,
  } as const;
  try {
    return { modem: new Docker(options).modem as Modem, agent, protocol, target, closed: false };
  } catch (error) {
    // It reads DOCKER_CERT_PATH although it is told not to use it.
    throw unreachable(error, endpoint);
  }
}

/** Where a request of our own goes. */
function targetOf(endpoint: EngineEndpoint, env: NodeJS.ProcessEnv): Readonly<Record<string, unknown>> {
  switch (endpoint.kind) {
    case 'unix':
      return { socketPath: endpoint.socketPath };
    case 'ssh':
      return { host: endpoint.host, createConnection: () => openSsh(endpoint, env) };
    case 'tcp': {
      const { host, port, tls } = endpoint;
      if (tls === undefined) return { host, port };
      return { host, port, ca: tls.ca, cert: tls.cert, key: tls.key, rejectUnauthorized: tls.verify };
    }
  }
}

/**
 * Sends a request and resolves with its answer, whose body is still to be read. Always as a stream: when the Engine
 * dies in the middle of an answer, dockerode's own reading of it never ends.
 */
async function dial(
  connection: Connection,
  method: string,
  path: string,
  options: EngineRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  if (connection.closed) throw new Error('the connection was closed');
  const query = queryOf(options);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    connection.modem.dial(
      {
        path: Object.keys(query).length === 0 ? path : `${path}?`,
        method,
        isStream: true,
        abortSignal: signal,
        statusCodes: ANY_STATUS,
        headers: { ...options.headers },
        options: { _query: query, _body: options.body ?? {} },
        ...(options.tar === undefined
          ? {}
          : { file: options.tar instanceof Uint8Array ? Buffer.from(options.tar) : options.tar }),
      },
      (error, result) => {
        if (error === null) resolve(result);
        else reject(error);
      },
    );
  });
  const status = answer.statusCode ?? 0;
  if (SUCCESS.has(status)) return answer;
  throw new EngineError(`${method} ${path}`, status, messageOf(await readText(answer)));
}

function queryOf(options: EngineRequest): Readonly<Record<string, string>> {
  const given = Object.entries(options.query ?? {}).filter(([, value]) => value !== undefined);
  const query = Object.fromEntries(given.map(textPair));
  return options.filters === undefined ? query : { ...query, filters: JSON.stringify(options.filters) };
}

function textPair([key, value]: readonly [string, unknown]): [string, string] {
  return [key, String(value)];
}

async function readJson(answer: Readable): Promise<unknown> {
  const text = await readText(answer);
  return text === '' ? undefined : JSON.parse(text);
}

async function readText(answer: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}

function messageOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // SyntaxError: a proxy before the Engine answers in its own words.
  }
  return body.trim() === '' ? 'no reason given' : body.trim();
}

function unreachable(error: unknown, endpoint: EngineEndpoint): WcError {
  if (error instanceof WcError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const where = describeEndpoint(endpoint);
  if (code === 'EACCES' || code === 'EPERM') {
    return new WcError('ERR_ENGINE_UNREACHABLE', `permission denied by the Docker Engine's socket ${where}`, {
      hint: 'add yourself to the docker group (and log in again), or use a rootless Engine',
      cause: error,
    });
  }
  const reason = code === 'ABORT_ERR' ? `no answer within ${ANSWER_MS / 1000} s` : (code ?? message);
  return new WcError('ERR_ENGINE_UNREACHABLE', `no Docker Engine answers at ${where}`, {
    hint: `start Docker, or set DOCKER_HOST to where it is (${reason})`,
    cause: error,
  });
}

/** Throws where one side is too old for the other. */
function requireCommonApi({ Version, ApiVersion, MinAPIVersion }: VersionReply, endpoint: EngineEndpoint): void {
  const where = `the Engine ${Version} at ${describeEndpoint(endpoint)}`;
  if (minor(ApiVersion) < minor(OLDEST_API)) {
    throw new WcError('ERR_ENGINE_UNREACHABLE', `${where} speaks API ${ApiVersion}, and ${OLDEST_API} is needed`, {
      hint: 'use Docker 20.10 or newer',
    });
  }
  if (minor(MinAPIVersion ?? OLDEST_API) > minor(KNOWN_API)) {
    throw new WcError(
      'ERR_ENGINE_UNREACHABLE',
      `${where} speaks API ${MinAPIVersion} and newer, and this wcompose ${KNOWN_API}`,
      {
        hint: 'use a newer wcompose',
      },
    );
  }
}

/** `1.9` is older than `1.41`. */
function olderOf(a: string, b: string): string {
  return minor(a) < minor(b) ? a : b;
}

function minor(version: string): number {
  return Number(version.split('.')[1] ?? 0);
}

/** How long an Engine may think before it says its version. */
const ANSWER_MS = 10_000;
/** 304: already started or already stopped, which is what was asked for. */
const SUCCESS: ReadonlySet<number> = new Set([200, 201, 202, 204, 304]);
/** The status is looked at here, so that the modem hands over every answer. */
const ANY_STATUS = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [at + 100, true as const]));
const LOST_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ENOENT',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
