import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { pack } from 'tar-stream';

import { WcError } from '../../model/diagnostic.ts';
import type { EngineInfo, FabricEngine } from '../fabric-engine.ts';

export interface RelayImage {
  readonly tag: string;
  /** A docker-archive, for `POST /images/load`. */
  readonly tar: Uint8Array;
}

/** Loads the relay's image into the Engine unless it is there; returns its tag. Nothing is pulled or built. */
export async function ensureRelayImage(
  engine: FabricEngine,
  arch: EngineInfo['arch'],
  signal: AbortSignal,
): Promise<string> {
  const image = await relayImage(await readRelay(arch), arch);
  if (!(await engine.hasImage(image.tag, signal))) await engine.loadImage(image.tar, signal);
  return image.tag;
}

/** One layer with the one program. The same program gives the same bytes, hence the same image id on every Engine. */
export async function relayImage(program: Uint8Array, arch: EngineInfo['arch']): Promise<RelayImage> {
  const layer = await archive([{ name: 'relay', mode: 0o755, data: program }]);
  const config = json({
    architecture: arch,
    os: 'linux',
    created: EPOCH,
    config: { Entrypoint: ['/relay'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: EPOCH }],
  });
  const id = sha256(config);
  // The host in front keeps Podman from looking for it in a registry. `docker ps` shows no tag that begins as the id.
  const tag = `localhost/wcompose-relay:${sha256(Buffer.from(id)).slice(0, 12)}`;
  const tar = await archive([
    { name: `${id}.json`, mode: 0o644, data: config },
    { name: 'layer.tar', mode: 0o644, data: layer },
    {
      name: 'manifest.json',
      mode: 0o644,
      data: json([{ Config: `${id}.json`, RepoTags: [tag], Layers: ['layer.tar'] }]),
    },
  ]);
  return { tag, tar };
}

/** relay/bin of the package, which is as far above the sources as above the built program. */
async function readRelay(arch: EngineInfo['arch']): Promise<Uint8Array> {
  const file = new URL(`../../../relay/bin/relay-${arch}`, import.meta.url);
  try {
    return await readFile(file);
  } catch (error) {
    throw new WcError('ERR_INTERNAL', `this installation lacks the relay program for ${arch}`, { cause: error });
  }
}

async function archive(
  files: readonly { readonly name: string; readonly mode: number; readonly data: Uint8Array }[],
): Promise<Buffer> {
  const tar = pack();
  for (const { name, mode, data } of files) tar.entry({ name, mode, mtime: new Date(0) }, Buffer.from(data));
  tar.finalize();
  return await buffer(tar);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const EPOCH = '1970-01-01T00:00:00Z';
