import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

import type { FileFacts, InstanceFiles } from '../instance-files.ts';
import type { Engine } from './engine.ts';
import { explained, isStatus } from './errors.ts';

/** The files of a container, whether it runs or not. */
export function containerFiles(engine: Engine, handle: string, name: string): InstanceFiles {
  const url = `/containers/${handle}/archive`;
  return {
    stat: async (path, signal) => await stat(engine, { url, path, doing: `look at ${path} in ${name}` }, signal),
    read: async (path, signal) =>
      await explained({ doing: `copy ${path} from ${name}` }, async () => {
        return await engine.stream('GET', url, { query: { path } }, signal);
      }),
    write: async (directory, archive, options, signal) =>
      await explained({ doing: `copy to ${directory} in ${name}` }, async () => {
        const query = {
          path: directory,
          noOverwriteDirNonDir: 'true',
          ...(options.ownedByUser ? { copyUIDGID: 'true' } : {}),
        };
        await engine.request('PUT', url, { query, tar: archive }, signal);
      }),
  };
}

/** All of its file system, as an archive. */
export async function exportContainer(engine: Engine, handle: string, signal: AbortSignal): Promise<Readable> {
  return await explained({ doing: `export container ${handle.slice(0, 12)}` }, async () => {
    return await engine.stream('GET', `/containers/${handle}/export`, {}, signal);
  });
}

async function stat(
  engine: Engine,
  { url, path, doing }: { readonly url: string; readonly path: string; readonly doing: string },
  signal: AbortSignal,
): Promise<FileFacts | undefined> {
  return await explained({ doing }, async () => {
    try {
      const answer = (await engine.stream('HEAD', url, { query: { path } }, signal)) as IncomingMessage;
      answer.resume();
      return toFacts(String(answer.headers['x-docker-container-path-stat'] ?? ''));
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  });
}

/** The bits are those of Go's `os.FileMode`. */
function toFacts(header: string): FileFacts {
  const { mode, linkTarget } = JSON.parse(Buffer.from(header, 'base64').toString('utf8')) as {
    readonly mode: number;
    readonly linkTarget: string;
  };
  const has = (bit: number): boolean => Math.floor(mode / 2 ** bit) % 2 === 1;
  const kind = has(31) ? 'directory' : has(27) ? 'link' : mode < 2 ** 24 ? 'file' : 'other';
  return { kind, target: linkTarget };
}
