import { WcError } from '../../model/diagnostic.ts';
import type { ContainerService, PullPolicy } from '../../model/project.ts';
import type { Progress } from '../runtime.ts';
import type { ImageInspect, PullMessage } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { EngineError, explain, isStatus } from './errors.ts';
import { readJsonLines } from './json-stream.ts';
import { LayerTable } from './layer-table.ts';
import { registryAuth } from '../../registry/credentials.ts';

/** Makes sure the service's image is there, by its pull policy. What is built is never pulled. */
export async function ensureImage(
  engine: Engine,
  service: ContainerService,
  progress: (step: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const present = await inspectImage(engine, service.image, signal);
  const fits = present !== undefined && isForPlatform(present, service.platform);
  if (fits && !isDue(service.pullPolicy, present, Date.now())) return;
  if (service.imageBuild !== undefined) {
    if (fits) return;
    throw missing(service, 'it was not built');
  }
  if (service.pullPolicy === 'never' || service.pullPolicy === 'build') {
    throw missing(service, `pull_policy is ${service.pullPolicy}`);
  }
  await pullService(engine, service, progress, signal);
}

/** Pulls the service's image, whatever is there. */
export async function pullService(
  engine: Engine,
  service: ContainerService,
  progress: (step: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const auth = await registryAuth(service.image, process.env, signal);
    await pullImage(engine, { image: service.image, platform: service.platform, auth }, progress, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw explainPull(error, service);
  }
}

/** Whether an image that is there is to be asked for again. */
export function isDue(policy: PullPolicy, image: ImageInspect, now: number): boolean {
  if (policy === 'always') return true;
  const periodMs = /^every:(\d+)$/.exec(policy)?.[1];
  if (periodMs === undefined) return false;
  const taggedAt = Date.parse(image.Metadata?.LastTagTime ?? '');
  // One that was loaded or built says the year 1: it was never asked for.
  return !(taggedAt > 0) || now - taggedAt >= Number(periodMs);
}

/** Undefined when the Engine has no such image. */
export async function inspectImage(
  engine: Engine,
  reference: string,
  signal: AbortSignal,
): Promise<ImageInspect | undefined> {
  try {
    return await engine.request<ImageInspect>('GET', `/images/${encodeURIComponent(reference)}/json`, {}, signal);
  } catch (error) {
    // 400: not the name of an image, which is said when it is used.
    if (isStatus(error, 404, 400)) return undefined;
    throw error;
  }
}

/** `linux/arm64/v8`: what is left out fits all. */
function isForPlatform(image: ImageInspect, platform: string | undefined): boolean {
  if (platform === undefined) return true;
  const [os = '', architecture, variant] = platform.toLowerCase().split('/');
  // `arm64` alone names the architecture.
  if (architecture === undefined) return image.Os === os || image.Architecture === os;
  return (
    image.Os === os &&
    image.Architecture === architecture &&
    (variant === undefined || (image.Variant ?? '') === '' || image.Variant === variant)
  );
}

/** Throws EngineError in the registry's words. */
export async function pullImage(
  engine: Engine,
  wanted: { readonly image: string; readonly platform: string | undefined; readonly auth: string | undefined },
  progress: (step: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const body = await engine.stream(
    'POST',
    '/images/create',
    {
      query: { fromImage: withTag(wanted.image), platform: wanted.platform },
      ...(wanted.auth === undefined ? {} : { headers: { 'X-Registry-Auth': wanted.auth } }),
    },
    signal,
  );
  progress({ step: 'Pulling', done: 0 });
  const layers = new LayerTable('pull');
  for await (const message of readJsonLines<PullMessage>(body)) {
    if (message.error !== undefined) throw new EngineError('POST /images/create', 200, message.error);
    if (layers.take(message)) progress(layers.progress('Pulling'));
  }
}

/** Without a tag the Engine would pull every tag there is. */
export function withTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? reference : `${reference}:latest`;
}

function missing(service: ContainerService, why: string): WcError {
  const { image, name, platform, imageBuild, pullPolicy } = service;
  const what = platform === undefined ? image : `${image} for ${platform}`;
  const own =
    pullPolicy === 'build' ? `build it with: docker build -t ${image} .` : `get it with: docker pull ${image}`;
  return new WcError('ERR_IMAGE_NOT_FOUND', `image not found: ${what}, and ${why}`, {
    source: service.source,
    hint: imageBuild === undefined ? own : `build it with: wcompose build ${name}`,
  });
}

function explainPull(error: unknown, service: ContainerService): unknown {
  if (!(error instanceof EngineError)) return error;
  const details = { source: service.source, cause: error };
  for (const { pattern, message, hint } of PULL_FAILURES) {
    if (!pattern.test(error.detail)) continue;
    return new WcError('ERR_IMAGE_NOT_FOUND', message(service.image), { ...details, hint });
  }
  return explain(error, { doing: `pull image ${service.image}`, service });
}

/** The first that matches wins: a registry that cannot be reached is often `not found` too. */
const PULL_FAILURES: readonly {
  readonly pattern: RegExp;
  readonly message: (image: string) => string;
  readonly hint: string;
}[] = [
  {
    pattern:
      /dial tcp|lookup \S+ |no such host|connection refused|TLS handshake|i\/o timeout|context deadline exceeded|Client\.Timeout|x509:|server gave HTTP response/i,
    message: (image) => `image ${image} is not on this machine and its registry cannot be reached`,
    hint: 'check the network, or load the image with: docker load',
  },
  {
    pattern: /toomanyrequests|rate limit/i,
    message: (image) => `image ${image} cannot be pulled: the registry allows no more pulls for now`,
    hint: 'log in to the registry (docker login), or try again later',
  },
  {
    pattern: /unauthorized|denied|authentication required|no basic auth credentials/i,
    message: (image) => `image not found: ${image}, or its registry does not let you have it`,
    hint: 'check the name and the tag, or log in to its registry (docker login)',
  },
  {
    pattern: /no matching manifest|does not match the specified platform/i,
    message: (image) => `image ${image} does not exist for this platform`,
    hint: 'see which it has with: docker manifest inspect; choose one with `platform:`',
  },
  {
    pattern: /not found|manifest unknown|name unknown|does not exist/i,
    message: (image) => `image not found: ${image}`,
    hint: 'check the name and the tag',
  },
];
