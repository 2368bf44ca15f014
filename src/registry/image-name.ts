/** The parts of an image's name. */
export interface ImageName {
  /** `docker.io` where none is written. */
  readonly host: string;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * The name in full, as docker reads it: `nginx` is `docker.io/library/nginx:latest`. Where there is a digest, a tag
 * says nothing and is left out. Undefined when it is no name of an image.
 */
export function parseImageName(text: string): ImageName | undefined {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const hasHost = /[.:A-Z]/.test(first) || first === 'localhost';
  const host = !hasHost || first === 'index.docker.io' ? HUB : first;
  const match = REST.exec(hasHost ? text.slice(slash + 1) : text);
  const [, path = '', tag, digest] = match ?? [];
  if (match === null || !HOST.test(host) || path.length > LONGEST) return undefined;
  const repository = host === HUB && !path.includes('/') ? `library/${path}` : path;
  return { host, repository, tag: digest === undefined ? (tag ?? 'latest') : undefined, digest };
}

export function formatImageName({ host, repository, tag, digest }: ImageName): string {
  const version = (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
  return `${host}/${repository}${version}`;
}

const HUB = 'docker.io';
const LONGEST = 255;
const HOST = /^(?:[\w-]+(?:\.[\w-]+)*|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REST = new RegExp(
  `^(${PART}(?:/${PART})*)(?::(\\w[\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);
