import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';

import type DockerModem from 'docker-modem';

import { WcError } from '../../model/diagnostic.ts';

/** The newest Engine API this code was written for; an older Engine is spoken to in its own version. */
const KNOWN_API = '1.51';

type Env = Readonly<Record<string, string | undefined>>;
type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface EngineRequest {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Sent as a tar archive. */
  readonly tar?: Uint8Array;
}

/** The Engine answered with an error; mapped to what the user should read in errors.ts. */
export class EngineHttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'EngineHttpError';
    this.status = status;
  }
}

/**
 * A connection to one Docker Engine: requests and streams of its HTTP API in the newest version that both sides
 * know. Paths carry no version. Everything else the project knows of the API is in the files beside this one.
 */
export class Engine {
  readonly #modem: DockerModem;
  /** `unix:///var/run/docker.sock`: for messages. */
  readonly endpoint: string;
  readonly apiVersion: string;
  readonly arch: string;

  private constructor(modem: DockerModem, endpoint: string, version: { readonly api: string; readonly arch: string }) {
    this.#modem = modem;
    this.endpoint = endpoint;
    this.apiVersion = version.api;
    this.arch = version.arch;
  }

  /** Connects where DOCKER_HOST says, else to the socket that is there. Throws ERR_ENGINE_UNREACHABLE. */
  static async open(env: Env, signal: AbortSignal): Promise<Engine> {
    const endpoint = chooseEndpoint(env);
    // Loaded here, because it is large and a project without containers does not need it.
    const { default: Docker } = await import('dockerode');
    const docker = endpoint.startsWith('unix://')
      ? new Docker({ socketPath: endpoint.slice('unix://'.length) })
      : new Docker();
    const modem = docker.modem as DockerModem & { version?: string };
    try {
      const version = await dial<VersionReply>(modem, 'GET', '/version', {}, signal);
      const api = olderOf(KNOWN_API, version.ApiVersion);
      modem.version = `v${api}`;
      return new Engine(modem, endpoint, { api, arch: version.Arch });
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(error, endpoint);
    }
  }

  /** The JSON of the answer. Throws EngineHttpError, or ERR_ENGINE_UNREACHABLE when the connection fails. */
  async request<T>(method: string, path: string, options: EngineRequest, signal: AbortSignal): Promise<T> {
    return await this.#guard(async () => await dial<T>(this.#modem, method, path, options, signal), signal);
  }

  /** The body of the answer as it comes; ends early when the signal does. */
  async stream(method: string, path: string, options: EngineRequest, signal: AbortSignal): Promise<Readable> {
    const open = async (): Promise<Readable> => await dial<Readable>(this.#modem, method, path, options, signal, true);
    return await this.#guard(open, signal);
  }

  /**
   * The raw connection behind an `attach`. Not dockerode's: that one sends a JSON body, which Podman hands to the
   * container's stdin (apocas/dockerode#777).
   */
  async hijack(path: string, query: Query, signal: AbortSignal): Promise<Duplex> {
    const { socketPath, host, port } = this.#modem as unknown as { socketPath?: string; host?: string; port?: number };
    const target = socketPath === undefined ? { host, port } : { socketPath };
    return await new Promise<Duplex>((resolve, reject) => {
      const outgoing = httpRequest({
        ...target,
        method: 'POST',
        path: `/v${this.apiVersion}${path}${queryText(query)}`,
        headers: { Host: 'docker', Connection: 'Upgrade', Upgrade: 'tcp', 'Content-Length': '0' },
        signal,
        agent: false,
      });
      outgoing.on('upgrade', (_response: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      outgoing.on('response', (response) => {
        response.resume();
        reject(new EngineHttpError(response.statusCode ?? 0, `attach refused: ${response.statusMessage ?? ''}`));
      });
      outgoing.on('error', (error) => reject(unreachable(error, this.endpoint)));
      outgoing.end();
    });
  }

  async #guard<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await task();
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof EngineHttpError ? error : unreachable(error, this.endpoint);
    }
  }
}

interface VersionReply {
  readonly ApiVersion: string;
  readonly Arch: string;
}

async function dial<T>(
  modem: DockerModem,
  method: string,
  path: string,
  options: EngineRequest,
  signal: AbortSignal,
  isStream = false,
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    modem.dial(
      {
        path: `${path}${queryText(options.query ?? {})}`,
        method,
        isStream,
        abortSignal: signal,
        statusCodes: SUCCESS,
        ...(options.body === undefined ? {} : { options: { _query: {}, _body: options.body } }),
        ...(options.tar === undefined ? {} : { file: Buffer.from(options.tar) }),
      },
      (error: unknown, result: unknown) => {
        if (error === null || error === undefined) resolve(result as T);
        else reject(toHttpError(error));
      },
    );
  });
}

/** 304: already started or already stopped, which is what was asked for. */
const SUCCESS = Object.fromEntries([200, 201, 202, 204, 304].map((status) => [status, true]));

function toHttpError(error: unknown): unknown {
  const { statusCode, json, message } = error as { statusCode?: number; json?: { message?: string }; message?: string };
  return statusCode === undefined
    ? error
    : new EngineHttpError(statusCode, json?.message ?? message ?? 'no reason given');
}

/** dockerode's modem cuts the last character of a path that has a `?` and no options, hence the trailing `&`. */
function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')}&`;
}

function chooseEndpoint(env: Env): string {
  const host = env['DOCKER_HOST'];
  if (host !== undefined && host !== '') return host;
  const sockets = [
    '/var/run/docker.sock',
    ...(env['XDG_RUNTIME_DIR'] === undefined ? [] : [join(env['XDG_RUNTIME_DIR'], 'docker.sock')]),
    ...(env['HOME'] === undefined ? [] : [join(env['HOME'], '.docker/run/docker.sock')]),
  ];
  return `unix://${sockets.find((path) => existsSync(path)) ?? sockets[0]}`;
}

function unreachable(error: unknown, endpoint: string): WcError {
  const { code, message } = error as NodeJS.ErrnoException;
  const denied = code === 'EACCES' || code === 'EPERM';
  return new WcError(
    'ERR_ENGINE_UNREACHABLE',
    denied ? `permission denied by the Docker Engine's socket ${endpoint}` : `no Docker Engine answers at ${endpoint}`,
    {
      hint: denied
        ? 'add yourself to the docker group (and log in again), or use a rootless Engine'
        : `start Docker, or set DOCKER_HOST to where it is (${code ?? message})`,
      cause: error,
    },
  );
}

/** `1.9` is older than `1.41`. */
function olderOf(a: string, b: string): string {
  return minor(a) < minor(b) ? a : b;
}

function minor(version: string): number {
  return Number(version.split('.')[1] ?? 0);
}

/** True when the Engine's API is at least this version, for attributes that older Engines lack. */
export function apiAtLeast(engine: Engine, version: string): boolean {
  return minor(engine.apiVersion) >= minor(version);
}
