import type { BuildProgress, ImageBuildRequest } from '../../container-images.ts';
import type { Engine } from '../engine.ts';
import { EngineError, explain } from '../errors.ts';
import { inspectImage, pullImage } from '../images.ts';
import { readJsonLines } from '../json-stream.ts';
import { allRegistryAuths, registryAuth } from '../../../registry/credentials.ts';
import { buildFailed } from './build-error.ts';
import { buildQuery } from './build-query.ts';
import { openBuildContext } from './context.ts';
import type { BuildContext } from './context.ts';
import { baseImages } from './dockerfile.ts';
import { BuildMessages } from './progress.ts';
import type { BuildMessage } from './progress.ts';

/** Makes an image by the Engine's own builder, in one request; returns its id. Throws ERR_BUILD_FAILED. */
export async function buildByEngine(
  engine: Engine,
  request: ImageBuildRequest,
  how: { readonly version: 'buildkit' | 'classic'; readonly progress: BuildProgress },
  signal: AbortSignal,
): Promise<string> {
  const context = await openBuildContext(request.build, signal);
  const messages = new BuildMessages(how.progress);
  try {
    if (how.version === 'buildkit') await pullBases(engine, request, context, signal);
    const query = buildQuery(request, context, how.version);
    const body = await engine.stream(
      'POST',
      `/build?${query.toString()}`,
      {
        headers: { 'X-Registry-Config': await allRegistryAuths(process.env, signal) },
        ...(context.kind === 'files' ? { tar: context.tar } : {}),
      },
      signal,
    );
    for await (const message of readJsonLines<BuildMessage>(body)) messages.take(message);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    if (error.status >= 500 || error.status === 400) {
      throw buildFailed(request, context, { failedStep: undefined, failedOutput: [], error: error.detail });
    }
    throw explain(error, { doing: `build ${request.service}`, source: request.build.source });
  } finally {
    messages.end();
    // The Engine may have answered before it had read all of it.
    if (context.kind === 'files') context.tar.destroy();
  }
  signal.throwIfAborted();
  if (messages.error !== undefined || messages.imageId === undefined) throw buildFailed(request, context, messages);
  return messages.imageId;
}

/**
 * Without a session BuildKit asks registries for nothing but what everybody may have. Base images for which the user is
 * logged in are got before, with the user's credentials; it finds them on the Engine then.
 */
async function pullBases(
  engine: Engine,
  { build, options, platforms }: ImageBuildRequest,
  context: BuildContext,
  signal: AbortSignal,
): Promise<void> {
  if (context.kind !== 'files') return;
  for (const image of baseImages(context.text, { ...build.args, ...options.args })) {
    const auth = await registryAuth(image, process.env, signal);
    if (auth === undefined) continue;
    const again = build.pull || options.pull === true;
    if (!again && (await inspectImage(engine, image, signal)) !== undefined) continue;
    try {
      await pullImage(engine, { image, platform: platforms[0], auth }, () => {}, signal);
    } catch (error) {
      signal.throwIfAborted();
      // The builder asks again and says in its own words what is wrong.
      if (!(error instanceof EngineError)) throw error;
    }
  }
}
