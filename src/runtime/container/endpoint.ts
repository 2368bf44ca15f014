import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { WcError } from '../../model/diagnostic.ts';

/** Where a Docker Engine answers. */
export type EngineEndpoint =
  | { readonly kind: 'unix'; readonly socketPath: string; readonly from: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly tls: TlsFiles | undefined;
      readonly from: string;
    }
  /** The Engine of another machine, at its usual place or at a socket there. */
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly user: string | undefined;
      readonly port: number | undefined;
      readonly socketPath: string | undefined;
      readonly from: string;
    };

export interface TlsFiles {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  /** False only for a docker context that says so. */
  readonly verify: boolean;
}

/**
 * The Engine that `docker` itself would use: DOCKER_HOST, then DOCKER_CONTEXT or the current context, then the
 * first socket that this user may use: the system's, the rootless Engine's, Docker Desktop's, Podman's.
 */
export function resolveEndpoint(env: NodeJS.ProcessEnv): EngineEndpoint {
  const host = env['DOCKER_HOST'];
  if (host !== undefined && host !== '') return parseHost(host, 'DOCKER_HOST', env);
  const context = contextHost(env);
  if (context !== undefined) {
    return parseHost(context.host, `docker context "${context.name}"`, env, context.tls);
  }
  const present = defaultSockets(env).filter(({ path }) => existsSync(path));
  // One that belongs to somebody else is only told of when there is no other.
  const found = present.find(({ path }) => isUsable(path)) ?? present[0];
  return { kind: 'unix', socketPath: found?.path ?? SYSTEM_SOCKET, from: found?.from ?? 'default' };
}

/** As a user writes it: `unix:///var/run/docker.sock`. */
export function describeEndpoint(endpoint: EngineEndpoint): string {
  const address = addressOf(endpoint);
  return endpoint.from === 'default' ? address : `${address} (from ${endpoint.from})`;
}

function addressOf(endpoint: EngineEndpoint): string {
  switch (endpoint.kind) {
    case 'unix':
      return `unix://${endpoint.socketPath}`;
    case 'tcp':
      return `tcp://${endpoint.host}:${endpoint.port}`;
    case 'ssh': {
      const { user, host, port, socketPath = '' } = endpoint;
      return `ssh://${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}${socketPath}`;
    }
  }
}

function parseHost(text: string, from: string, env: NodeJS.ProcessEnv, contextTls?: TlsFiles): EngineEndpoint {
  if (text.startsWith('unix://')) {
    return { kind: 'unix', socketPath: text.slice('unix://'.length) || SYSTEM_SOCKET, from };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && TCP_PROTOCOLS.has(url.protocol) && url.hostname !== '') {
    const tls = contextTls ?? (wantsTls(url, env) ? readTls(env) : undefined);
    const port = Number(url.port) || (tls === undefined ? 2375 : 2376);
    // Brackets of an IPv6 address belong to the URL, not to the address.
    return { kind: 'tcp', host: url.hostname.replaceAll(/^\[|\]$/g, ''), port, tls, from };
  }
  const ssh = url?.protocol === 'ssh:' ? parseSsh(url, from) : undefined;
  if (ssh !== undefined) return ssh;
  throw new WcError('ERR_ENGINE_UNREACHABLE', `${from} names an address of a kind that is not supported: ${text}`, {
    hint: 'use unix:///path/to/docker.sock, tcp://host:port or ssh://user@host',
  });
}

/** What begins with a dash would be an option of ssh. A password has no place in an address. */
function parseSsh(url: URL, from: string): EngineEndpoint | undefined {
  const [host, user] = [url.hostname, decodeURIComponent(url.username)].map((part) => part.replaceAll(/^\[|\]$/g, ''));
  if (host === undefined || host === '' || host.startsWith('-') || user?.startsWith('-') === true) return undefined;
  if (url.password !== '') return undefined;
  const socketPath = url.pathname === '' || url.pathname === '/' ? undefined : url.pathname;
  if (socketPath !== undefined && !/^[\w./-]+$/.test(socketPath)) return undefined;
  return { kind: 'ssh', host, user: user || undefined, port: Number(url.port) || undefined, socketPath, from };
}

function wantsTls(url: URL, env: NodeJS.ProcessEnv): boolean {
  return url.protocol === 'https:' || (env['DOCKER_TLS_VERIFY'] ?? '') !== '' || url.port === '2376';
}

function readTls(env: NodeJS.ProcessEnv): TlsFiles {
  const dir = env['DOCKER_CERT_PATH'] || configDir(env);
  const files = tlsFiles(dir, true);
  if (files !== undefined) return files;
  throw new WcError('ERR_ENGINE_UNREACHABLE', `the Engine wants TLS and ${dir} has no ca.pem, cert.pem, key.pem`, {
    hint: 'set DOCKER_CERT_PATH to the directory that holds them',
  });
}

/** Undefined when one of the files cannot be read. */
function tlsFiles(dir: string, verify: boolean): TlsFiles | undefined {
  try {
    const read = (name: string): Buffer => readFileSync(join(dir, name));
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem'), verify };
  } catch {
    // ENOENT, EACCES: the caller knows whether that matters.
    return undefined;
  }
}

interface ContextHost {
  readonly name: string;
  readonly host: string;
  readonly tls: TlsFiles | undefined;
}

/** The host of the chosen context; undefined for the context "default", which stands for the usual socket. */
function contextHost(env: NodeJS.ProcessEnv): ContextHost | undefined {
  const dir = configDir(env);
  const name = env['DOCKER_CONTEXT'] || valueAt(readJson(join(dir, 'config.json')), ['currentContext']);
  if (typeof name !== 'string' || name === '' || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const meta = readJson(join(dir, 'contexts', 'meta', id, 'meta.json'));
  const host = valueAt(meta, ['Endpoints', 'docker', 'Host']);
  if (typeof host === 'string') {
    const verify = valueAt(meta, ['Endpoints', 'docker', 'SkipTLSVerify']) !== true;
    return { name, host, tls: tlsFiles(join(dir, 'contexts', 'tls', id, 'docker'), verify) };
  }
  throw new WcError('ERR_ENGINE_UNREACHABLE', `docker context "${name}" does not exist or names no Engine`, {
    hint: 'see `docker context ls`',
  });
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // ENOENT, EACCES or not JSON: there is nothing to learn from the file.
    return undefined;
  }
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let current: unknown = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[key];
  }
  return current;
}

function configDir(env: NodeJS.ProcessEnv): string {
  return env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? '/', '.docker');
}

function defaultSockets(env: NodeJS.ProcessEnv): readonly { readonly path: string; readonly from: string }[] {
  const uid = process.getuid?.();
  const runtime = env['XDG_RUNTIME_DIR'] || (uid === undefined ? undefined : `/run/user/${uid}`);
  const home = env['HOME'];
  return [
    { path: SYSTEM_SOCKET, from: 'default' },
    ...(runtime === undefined ? [] : [{ path: join(runtime, 'docker.sock'), from: 'the rootless Engine' }]),
    ...(home === undefined ? [] : [{ path: join(home, '.docker', 'run', 'docker.sock'), from: 'Docker Desktop' }]),
    ...(runtime === undefined ? [] : [{ path: join(runtime, 'podman', 'podman.sock'), from: 'rootless Podman' }]),
    { path: '/run/podman/podman.sock', from: 'Podman' },
  ];
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // EACCES: it is another user's.
    return false;
  }
}

const SYSTEM_SOCKET = '/var/run/docker.sock';
const TCP_PROTOCOLS: ReadonlySet<string> = new Set(['tcp:', 'http:', 'https:']);
