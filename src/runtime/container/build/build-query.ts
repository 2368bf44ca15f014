import type { ImageBuildRequest } from '../../container-images.ts';
import { cacheImage } from './choose-builder.ts';
import type { BuildContext } from './context.ts';

/** The query of `POST /build`: everything that the Engine's API knows of a build. Pure. */
export function buildQuery(
  request: ImageBuildRequest,
  context: BuildContext,
  version: 'buildkit' | 'classic',
): URLSearchParams {
  const { build, options } = request;
  const query = new URLSearchParams({ version: version === 'buildkit' ? '2' : '1', rm: '1', forcerm: '1' });
  const set = (name: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined && value !== false && value !== '') query.set(name, value === true ? '1' : String(value));
  };
  const json = (name: string, value: object): void => {
    if (Object.keys(value).length > 0) query.set(name, JSON.stringify(value));
  };
  for (const tag of request.tags) query.append('t', tag);
  set('dockerfile', context.dockerfile);
  if (context.kind === 'remote') set('remote', context.url);
  set('target', build.target);
  set('nocache', build.noCache || options.noCache === true);
  set('pull', build.pull || options.pull === true);
  set('networkmode', build.network);
  set('shmsize', build.shmBytes);
  set('memory', options.memoryBytes);
  set('isolation', build.isolation);
  set('platform', request.platforms[0]);
  json('buildargs', { ...build.args, ...options.args });
  json('labels', { ...request.labels, ...build.labels });
  json(
    'cachefrom',
    build.cacheFrom.flatMap((entry) => cacheImage(entry) ?? []),
  );
  json(
    'ulimits',
    Object.entries(build.ulimits).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })),
  );
  if (build.extraHosts.length > 0) {
    // BuildKit wants them in one text, the classic builder as a list.
    if (version === 'buildkit') query.set('extrahosts', build.extraHosts.join(','));
    else query.set('extrahosts', JSON.stringify(build.extraHosts));
  }
  return query;
}
