import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { WcError } from '../model/diagnostic.ts';

/**
 * The value of X-Registry-Auth for an image: what `docker login` has stored in config.json or in a credential helper.
 * Undefined when nothing is stored for its registry.
 */
export async function registryAuth(
  image: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  const server = serverOf(image);
  const found = await credentialsOf(server, env, signal);
  if (found === undefined) return undefined;
  const encoded = Buffer.from(JSON.stringify({ ...found, serveraddress: server })).toString('base64');
  // Not Node's base64url: without the padding the Engine takes it for no credentials at all.
  return encoded.replaceAll('+', '-').replaceAll('/', '_');
}

/** What is stored for a registry, by the name that `serverOf` gives it. */
export async function credentialsOf(
  server: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const config = await readConfig(env);
  const helper = config.credHelpers?.[server] ?? config.credsStore;
  return helper === undefined || helper === '' ? stored(config, server) : await ask(helper, server, env, signal);
}

/**
 * The value of X-Registry-Config: what is stored for every registry, for a builder that pulls base images itself. A helper
 * that does not answer is left out, since the build may not need it.
 */
export async function allRegistryAuths(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const config = await readConfig(env);
  const found: Record<string, object> = {};
  for (const name of Object.keys(config.auths ?? {})) {
    const server = name === DOCKER_HUB ? name : hostOf(name);
    const helper = config.credHelpers?.[server] ?? config.credsStore;
    try {
      const credentials = helper ? await ask(helper, name, env, signal) : stored(config, server);
      if (credentials !== undefined) found[name] = { ...credentials, serveraddress: server };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WcError)) throw error;
    }
  }
  return Buffer.from(JSON.stringify(found)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** The registry that an image's name stands for, as config.json names it. */
export function serverOf(image: string): string {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost';
  return !isHost || first === 'docker.io' ? DOCKER_HUB : first;
}

interface Config {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

export type Credentials = { readonly username: string; readonly password: string } | { readonly identitytoken: string };

async function readConfig(env: NodeJS.ProcessEnv): Promise<Config> {
  const path = join(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? '/', '.docker'), 'config.json');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Config;
  } catch {
    // ENOENT, EACCES or not JSON: nothing is stored that could be used.
    return {};
  }
}

function stored(config: Config, server: string): Credentials | undefined {
  const entry = Object.entries(config.auths ?? {}).find(([name]) => name === server || hostOf(name) === server)?.[1];
  if (entry?.identitytoken) return { identitytoken: entry.identitytoken };
  const plain = Buffer.from(entry?.auth ?? '', 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  if (colon < 0) return undefined;
  return { username: plain.slice(0, colon), password: plain.slice(colon + 1) };
}

function hostOf(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

/** The protocol of docker-credential-helpers: the server on stdin, JSON on stdout. */
async function ask(
  helper: string,
  server: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const child = spawn(program, ['get'], { env, signal, stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    const failed = new Promise<never>((_resolve, reject) => child.once('error', reject));
    // EPIPE: a helper that does not read ends with a status that says so.
    child.stdin.on('error', () => undefined);
    child.stdin.end(server);
    const answer = await Promise.race([text(child.stdout), failed]);
    if (!answer.trimStart().startsWith('{')) return undefined;
    const { Username, Secret } = JSON.parse(answer) as { readonly Username: string; readonly Secret: string };
    return Username === '<token>' ? { identitytoken: Secret } : { username: Username, password: Secret };
  } catch (error) {
    signal.throwIfAborted();
    throw new WcError('ERR_ENGINE_REFUSED', `the credential helper ${program} cannot be asked for ${server}`, {
      hint: 'see credsStore and credHelpers in ~/.docker/config.json',
      cause: error,
    });
  }
}

const DOCKER_HUB = 'https://index.docker.io/v1/';
