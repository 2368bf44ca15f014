import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { WcError } from '../../../model/diagnostic.ts';
import { contextService } from '../../../model/image-build.ts';
import type { BuildProgress, ImageBuildRequest } from '../../container-images.ts';
import { buildFailed } from './build-error.ts';
import { contextRoot, findDockerfile, isRemoteContext } from './context.ts';
import type { BuildContext } from './context.ts';
import { PlainSteps } from './plain-steps.ts';

/**
 * Makes an image by `docker buildx build`; returns its id. Where buildx is not installed: ERR_COMPOSE_UNSUPPORTED, which
 * names the attributes that need it.
 */
export async function buildByBuildx(
  request: ImageBuildRequest,
  how: { readonly because: readonly string[]; readonly env: NodeJS.ProcessEnv; readonly progress: BuildProgress },
  signal: AbortSignal,
): Promise<string> {
  // Loaded here: most builds do without.
  const { execa } = await import('execa');
  const env = { ...how.env, ...request.environment, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
  const probe = await execa('docker', ['buildx', 'version'], {
    env,
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  if (probe.exitCode !== 0) throw notInstalled(request, how.because);
  const scratch = await mkdtemp(join(tmpdir(), 'wcompose-build-'));
  try {
    const idFile = join(scratch, 'id');
    const steps = new PlainSteps(how.progress);
    const child = execa('docker', buildxArguments(request, idFile), {
      env,
      all: true,
      buffer: false,
      reject: false,
      cancelSignal: signal,
      forceKillAfterDelay: KILL_MS,
      ...(request.build.dockerfileInline === undefined
        ? { stdin: 'ignore' as const }
        : { input: request.build.dockerfileInline }),
    });
    child.all.on('data', (chunk: Buffer) => steps.push(chunk));
    const result = await child;
    steps.end();
    signal.throwIfAborted();
    if (result.failed) throw buildFailed(request, await contextOf(request), steps);
    return (await readFile(idFile, 'utf8')).trim();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Pure: the command line of one build. */
export function buildxArguments(request: ImageBuildRequest, idFile: string): readonly string[] {
  const { build, options } = request;
  const args = ['buildx', 'build', '--progress=plain', '--load', `--iidfile=${idFile}`];
  const add = (flag: string, values: readonly (string | number | undefined)[]): void => {
    for (const value of values) if (value !== undefined) args.push(`--${flag}`, String(value));
  };
  const pairs = (record: Readonly<Record<string, string | null>>): readonly string[] =>
    Object.entries(record).map(([name, value]) => (value === null ? name : `${name}=${value}`));
  add('file', [build.dockerfileInline === undefined ? dockerfilePath(build.context, build.dockerfile) : '-']);
  add('tag', request.tags);
  add('build-arg', pairs({ ...build.args, ...options.args }));
  add('label', pairs({ ...request.labels, ...build.labels }));
  add('target', [build.target]);
  add('network', [build.network]);
  add('shm-size', [build.shmBytes]);
  add('add-host', build.extraHosts);
  add(
    'ulimit',
    Object.entries(build.ulimits).map(([name, { soft, hard }]) => `${name}=${soft}:${hard}`),
  );
  add('cache-from', build.cacheFrom);
  add('cache-to', build.cacheTo);
  add('no-cache-filter', build.noCacheFilter);
  add('platform', request.platforms.length === 0 ? [] : [request.platforms.join(',')]);
  add('build-context', contexts(request));
  add('secret', build.secrets.map(secretFlag));
  add('ssh', pairs({ ...build.ssh, ...options.ssh }));
  add('allow', build.privileged ? [...build.entitlements, 'security.insecure'] : build.entitlements);
  add('provenance', [build.provenance]);
  add('sbom', [build.sbom]);
  add('builder', [options.builder]);
  if (build.noCache || options.noCache === true) args.push('--no-cache');
  if (build.pull || options.pull === true) args.push('--pull');
  return [...args, build.context];
}

function dockerfilePath(context: string, dockerfile: string | undefined): string | undefined {
  if (dockerfile === undefined || isRemoteContext(context) || dockerfile.startsWith('/')) return dockerfile;
  return join(context, dockerfile);
}

/** What another service's build made is an image by now. */
function contexts({ build, serviceImages }: ImageBuildRequest): readonly string[] {
  return Object.entries(build.additionalContexts).map(([name, context]) => {
    const service = contextService(context);
    return service === undefined ? `${name}=${context}` : `${name}=docker-image://${serviceImages[service] ?? service}`;
  });
}

function secretFlag(secret: ImageBuildRequest['build']['secrets'][number]): string {
  return secret.file === undefined ? `id=${secret.id},env=${secret.environment}` : `id=${secret.id},src=${secret.file}`;
}

function notInstalled({ service, build }: ImageBuildRequest, because: readonly string[]): WcError {
  const names = because.map((name) => (name === 'builder' ? '--builder' : `build.${name}`)).join(', ');
  const needs = because.length === 1 ? 'needs' : 'need';
  return new WcError(
    'ERR_COMPOSE_UNSUPPORTED',
    `cannot build ${service}: ${names} ${needs} docker buildx, which is not installed`,
    {
      source: build.places[because[0] ?? ''] ?? build.source,
      hint: 'install the buildx plugin of docker (package docker-buildx or docker-buildx-plugin), or do without',
    },
  );
}

async function contextOf({ build }: ImageBuildRequest): Promise<BuildContext> {
  if (isRemoteContext(build.context)) return { kind: 'remote', url: build.context, dockerfile: build.dockerfile };
  const { text, path } = await findDockerfile(await contextRoot(build), build);
  const { Readable } = await import('node:stream');
  return { kind: 'files', tar: Readable.from([]), dockerfile: '', text, path };
}

const KILL_MS = 5_000;
