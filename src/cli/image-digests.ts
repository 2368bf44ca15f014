import type { Position } from '../compose/source-file.ts';
import { child, map, mapValues, scalar, textOf, withKeys } from '../compose/node.ts';
import type { MapNode, Node } from '../compose/node.ts';
import { Problems } from '../compose/problems.ts';
import { WcError } from '../model/diagnostic.ts';
import { formatImageName, parseImageName } from '../registry/image-name.ts';
import type { ImageName } from '../registry/image-name.ts';
import { manifestDigest } from '../registry/manifest-digest.ts';
import { limit } from '../util/limit.ts';

/**
 * The model with each image as its full name and the digest that its registry has now. Says of every image that cannot be
 * found which service it is of, and where it stands.
 */
export async function withImageDigests(root: MapNode, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<MapNode> {
  const services = child(root, 'services');
  if (services?.kind !== 'map') return root;
  const problems = new Problems();
  const turn = limit(AT_ONCE);
  const asked = new Map<string, Promise<string>>();
  const digestOf = async (name: ImageName): Promise<string> => {
    const text = formatImageName(name);
    const answer = asked.get(text) ?? turn(async () => await manifestDigest(name, env, signal));
    asked.set(text, answer);
    return await answer;
  };
  const found = await Promise.all(
    [...services.entries].map(async ([service, { value }]) => {
      const [text, at] = [textOf(child(value, 'image')), (child(value, 'image') ?? value).at];
      const name = text === undefined || text === '' ? undefined : imageName(text, service, at, problems);
      if (name === undefined) return undefined;
      try {
        const full = formatImageName(name);
        return [service, scalar(name.digest === undefined ? `${full}@${await digestOf(name)}` : full, at)] as const;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof WcError)) throw error;
        problems.error(
          at,
          ['services', service, 'image'],
          `service ${service}: ${error.message}`,
          error.hint,
          error.code,
        );
        return undefined;
      }
    }),
  );
  problems.throwErrors();
  const images = new Map(found.filter((one) => one !== undefined));
  const pinned = mapValues(services, (service, name) => {
    const image = images.get(name);
    return image === undefined || service.kind !== 'map' ? service : withKeys(service, { image });
  });
  return withKeys(root, { services: pinned });
}

/** What is left of the model for a file that pins the images when it is given after the others. */
export function imagesOnly(root: MapNode): MapNode {
  const onlyImage = (service: Node): Node => map({ image: child(service, 'image') }, service.at);
  const services = child(root, 'services');
  return map({ services: services?.kind === 'map' ? mapValues(services, onlyImage) : undefined }, root.at);
}

function imageName(text: string, service: string, at: Position, problems: Problems): ImageName | undefined {
  const name = parseImageName(text);
  if (name === undefined) {
    problems.error(at, ['services', service, 'image'], `service ${service}: "${text}" is no name of an image`);
  }
  return name;
}

/** Registries limit how much one asks at a time. */
const AT_ONCE = 8;
