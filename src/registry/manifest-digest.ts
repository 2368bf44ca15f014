import { createHash } from 'node:crypto';

import { WcError } from '../model/diagnostic.ts';
import { credentialsOf, serverOf } from './credentials.ts';
import { formatImageName } from './image-name.ts';
import type { ImageName } from './image-name.ts';
import { authorize } from './authorize.ts';

/**
 * The digest that the registry has for this version of the image now: of the list where there are several platforms.
 * With what `docker login` stored. Throws ERR_IMAGE_NOT_FOUND and ERR_REGISTRY.
 */
export async function manifestDigest(image: ImageName, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const host = image.host === 'docker.io' ? 'registry-1.docker.io' : image.host;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    return await ask(image, host, env, limited);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof WcError) throw error;
    throw new WcError('ERR_REGISTRY', `${host} cannot be reached for ${formatImageName(image)}: ${reason(error)}`, {
      hint: 'the digest of an image is known only to its registry: is there a network, and is the name right?',
      cause: error,
    });
  }
}

async function ask(image: ImageName, host: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const path = `/v2/${image.repository}/manifests/${image.tag ?? 'latest'}`;
  const base = await baseOf(host, signal);
  const headers: Record<string, string> = { Accept: MANIFESTS };
  const request = async (method: 'HEAD' | 'GET'): Promise<Response> =>
    await fetch(base + path, { method, headers, signal });
  let response = await request('HEAD');
  if (response.status === 401) {
    const credentials = await credentialsOf(serverOf(formatImageName(image)), env, signal);
    const challenge = response.headers.get('www-authenticate') ?? '';
    const authorization = await authorize({ challenge, base, repository: image.repository, credentials }, signal);
    if (authorization !== undefined) {
      headers['Authorization'] = authorization;
      response = await request('HEAD');
    }
  }
  if (!response.ok) throw refused(response.status, image, host);
  const told = response.headers.get('docker-content-digest');
  if (told !== null && DIGEST.test(told)) return told;
  // The header is optional: the digest is that of the manifest's bytes.
  const whole = await request('GET');
  if (!whole.ok) throw refused(whole.status, image, host);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of whole.body ?? []) {
    bytes += chunk.length;
    if (bytes > LARGEST_MANIFEST) {
      throw new WcError('ERR_REGISTRY', `${host} answers for ${formatImageName(image)} with more than a manifest`);
    }
    hash.update(chunk);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** As docker does: a registry on this machine itself need not have TLS, all others must. */
async function baseOf(host: string, signal: AbortSignal): Promise<string> {
  if (!LOOPBACK.test(host)) return `https://${host}`;
  try {
    const { status } = await fetch(`http://${host}/v2/`, { method: 'HEAD', signal });
    // A server of TLS answers to plain requests, if at all, with 400.
    if (status !== 400) return `http://${host}`;
  } catch (error) {
    if (hasCode(error, 'ECONNREFUSED')) throw error;
    signal.throwIfAborted();
  }
  return `https://${host}`;
}

function refused(status: number, image: ImageName, host: string): WcError {
  const name = formatImageName(image);
  if (status === 404) {
    return new WcError('ERR_IMAGE_NOT_FOUND', `${host} has no image ${name}`, {
      hint: 'has it been pushed, and is the tag right?',
    });
  }
  if (status === 401 || status === 403) {
    return new WcError('ERR_IMAGE_NOT_FOUND', `${host} does not hand out ${name}: access denied, or there is none`, {
      hint: `docker login ${image.host === 'docker.io' ? '' : image.host}`.trimEnd(),
    });
  }
  return new WcError('ERR_REGISTRY', `${host} answers with status ${status} when it is asked for ${name}`);
}

/** `fetch failed` says nothing; its causes do. */
function reason(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  if (inner instanceof AggregateError) inner = inner.errors[0];
  if (!(inner instanceof Error)) return String(inner);
  if (inner.name === 'TimeoutError') return `no answer within ${PATIENCE_MS / 1000} seconds`;
  return inner.message === '' ? inner.name : inner.message;
}

function hasCode(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === code) return true;
  if (error instanceof AggregateError) return error.errors.some((one) => hasCode(one, code));
  return hasCode(error.cause, code);
}

const PATIENCE_MS = 30_000;
const LARGEST_MANIFEST = 4 * 1024 * 1024;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
