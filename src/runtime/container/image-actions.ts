import { WcError } from '../../model/diagnostic.ts';
import type { BuildProgress, ContainerImages, ImageBuildRequest } from '../container-images.ts';
import type { Progress } from '../runtime.ts';
import { buildByBuildx } from './build/buildx.ts';
import { chooseBuilder } from './build/choose-builder.ts';
import { buildByEngine } from './build/engine-build.ts';
import type { PullMessage } from './engine-api.ts';
import type { Engine } from './engine.ts';
import { EngineError, explain, explained } from './errors.ts';
import { ensureImage, inspectImage, withTag } from './images.ts';
import { readJsonLines } from './json-stream.ts';
import { LayerTable } from './layer-table.ts';
import { registryAuth } from '../../registry/credentials.ts';

/** `env`: names the Engine for the programs that are asked for help. */
export function createContainerImages(engine: Engine, env: NodeJS.ProcessEnv): ContainerImages {
  return {
    inspect: async (reference, signal) => {
      const found = await inspectImage(engine, reference, signal);
      if (found === undefined) return undefined;
      const { Entrypoint, Cmd, Env, WorkingDir } = found.Config ?? {};
      return {
        id: found.Id,
        entrypoint: Entrypoint ?? [],
        command: Cmd ?? [],
        environment: Env ?? [],
        workingDir: WorkingDir || '/',
      };
    },
    pull: async (service, progress, signal) => await ensureImage(engine, service, progress, signal),
    push: async (reference, progress, signal) => await push(engine, reference, progress, signal),
    build: async (request, progress, signal) => await build(engine, request, { env, progress }, signal),
    save: async (reference, signal) =>
      await explained(
        { doing: `read image ${reference}` },
        async () => await engine.stream('GET', `/images/${encodeURIComponent(reference)}/get`, {}, signal),
      ),
  };
}

async function build(
  engine: Engine,
  request: ImageBuildRequest,
  { env, progress }: { readonly env: NodeJS.ProcessEnv; readonly progress: BuildProgress },
  signal: AbortSignal,
): Promise<string> {
  const builder = chooseBuilder(request, {
    hasBuildKit: engine.os === 'linux' && !engine.isPodman && engine.supports('1.39'),
    takesLimits: engine.supports('1.42'),
  });
  if (builder.kind === 'buildx') return await buildByBuildx(request, { ...builder, env, progress }, signal);
  return await buildByEngine(engine, request, { version: builder.kind, progress }, signal);
}

async function push(
  engine: Engine,
  reference: string,
  progress: (step: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const full = withTag(reference);
  const colon = full.lastIndexOf(':');
  const [name, tag] = [full.slice(0, colon), full.slice(colon + 1)];
  // The Engine refuses a push without the header; an empty one says that nobody is logged in.
  const auth = (await registryAuth(reference, process.env, signal)) ?? Buffer.from('{}').toString('base64');
  try {
    const body = await engine.stream(
      'POST',
      `/images/${name}/push`,
      { query: { tag }, headers: { 'X-Registry-Auth': auth } },
      signal,
    );
    progress({ step: 'Pushing', done: 0 });
    const layers = new LayerTable('push');
    for await (const message of readJsonLines<PullMessage>(body)) {
      if (message.error !== undefined) throw new EngineError('POST /images/push', 200, message.error);
      if (layers.take(message)) progress(layers.progress('Pushing'));
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    throw explainPush(error, reference);
  }
}

function explainPush(error: EngineError, reference: string): unknown {
  for (const { pattern, why, hint } of PUSH_FAILURES) {
    if (!pattern.test(error.detail)) continue;
    return new WcError('ERR_PUSH_FAILED', `image ${reference} cannot be pushed: ${why}`, { hint, cause: error });
  }
  return explain(error, { doing: `push image ${reference}` });
}

/** The first that matches wins. */
const PUSH_FAILURES: readonly { readonly pattern: RegExp; readonly why: string; readonly hint: string }[] = [
  {
    pattern: /does not exist locally|No such image|reference does not exist/i,
    why: 'it is not on the Engine',
    hint: 'build it first: wcompose build',
  },
  {
    pattern: /unauthorized|denied|authentication required|no basic auth credentials/i,
    why: 'its registry does not let you',
    hint: 'log in to it (docker login), and check that the name is one you may write to',
  },
  {
    pattern:
      /dial tcp|lookup \S+ |no such host|connection refused|TLS handshake|i\/o timeout|server gave HTTP response/i,
    why: 'its registry cannot be reached',
    hint: 'check the name and the network',
  },
];
