import { basename, dirname } from 'node:path';
import { addAbortSignal } from 'node:stream';

import { WcError } from '../../model/diagnostic.ts';
import type { FabricEngine } from '../fabric-engine.ts';
import { attachDemux } from './attach-demux.ts';
import { CONFINED, HOST_FILES, KIND_LABEL } from './container.ts';
import { ensureRelayImage } from './image.ts';

/**
 * Empties a host directory whose files belong to users of containers, through a container that runs as root and
 * sees nothing but the directory's parent. Follows no symbolic link and goes into nothing that is mounted below it.
 */
export async function clearDirectory(engine: FabricEngine, path: string, signal: AbortSignal): Promise<void> {
  const { arch, native } = await engine.info(signal);
  if (!native) {
    throw new WcError('ERR_MOUNT', `cannot empty ${path}: the Docker Engine does not run on this machine itself`, {
      hint: 'remove the directory as root',
    });
  }
  const image = await ensureRelayImage(engine, arch, signal);
  const name = `wcompose-helper-${crypto.randomUUID().slice(0, 8)}`;
  const container = await engine.createContainer(name, helperBody(image, path), signal);
  try {
    const output = await runHelper(engine, container, signal);
    if (output.stdout.trim() === 'cleared') return;
    throw new WcError('ERR_MOUNT', `cannot empty ${path}: ${firstLines(output.stderr)}`, {
      hint: 'something still uses the directory, or its files are protected; remove it as root',
    });
  } finally {
    await engine.removeContainer(container, AbortSignal.timeout(CLEANUP_MS));
  }
}

function helperBody(image: string, path: string): Readonly<Record<string, unknown>> {
  return {
    Image: image,
    Cmd: ['rm', `${PARENT}/${basename(path)}`],
    User: '0:0',
    AttachStdout: true,
    AttachStderr: true,
    Labels: { [KIND_LABEL]: 'helper', 'dev.wcompose.directory': path },
    HostConfig: {
      ...CONFINED,
      ...HOST_FILES,
      NetworkMode: 'none',
      CapAdd: ['DAC_OVERRIDE', 'FOWNER'],
      // Not recursive: what the host has mounted below is not part of it.
      Mounts: [{ Type: 'bind', Source: dirname(path), Target: PARENT, BindOptions: { NonRecursive: true } }],
    },
  };
}

async function runHelper(
  engine: FabricEngine,
  container: string,
  signal: AbortSignal,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const output = { stdout: '', stderr: '' };
  const stream = addAbortSignal(signal, await engine.attach(container, signal));
  const demux = attachDemux(
    (bytes) => void (output.stdout = (output.stdout + bytes.toString('utf8')).slice(0, MAX_OUTPUT)),
    (bytes) => void (output.stderr = (output.stderr + bytes.toString('utf8')).slice(0, MAX_OUTPUT)),
  );
  try {
    await engine.startContainer(container, signal);
    for await (const chunk of stream) demux(chunk as Buffer);
  } finally {
    stream.destroy();
  }
  return output;
}

/** Names in it are a container's choice: nothing of them may reach a terminal as a control character. */
function firstLines(text: string): string {
  const lines = text
    .replaceAll(/[^\P{C}\n]/gu, '?')
    .split('\n')
    .filter((line) => line !== '');
  return lines.length === 0 ? 'the helper container said nothing' : lines.slice(0, 3).join('; ');
}

const PARENT = '/parent';
const MAX_OUTPUT = 4_000;
const CLEANUP_MS = 10_000;
