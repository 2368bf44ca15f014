import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { ControlClient } from '../control/client.ts';
import { projectDirs } from '../control/project-dirs.ts';
import type { ListedProject } from '../control/protocol.ts';
import { WcError } from '../model/diagnostic.ts';
import { projectName } from '../model/ids.ts';
import type { ProjectName } from '../model/ids.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { ListedContainer } from '../runtime/container-actions.ts';
import { connectEngine } from './connect-engine.ts';
import { readProjectFile } from './state-file.ts';
import { WasmRecord } from './wasm-record.ts';

/**
 * Every project of this user: containers by their labels, Wasm instances by their supervisors and by what those wrote
 * down. Starts and writes nothing. Without an Engine the projects of Wasm services are listed.
 */
export async function listProjects(
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<readonly ListedProject[]> {
  const found: ListedContainer[] = [...(await containers(env, signal))];
  for (const { name, files } of await storedProjects(env)) {
    for (const instance of await wasmInstances(name, env, signal))
      found.push({ project: name, state: stateWord(instance), files });
  }
  const names = [...new Set(found.map((one) => one.project))].toSorted();
  return names.map((name) => {
    const own = found.filter((one) => one.project === name);
    const states: Record<string, number> = {};
    for (const { state } of own) states[state] = (states[state] ?? 0) + 1;
    return { name, states, files: [...new Set(own.flatMap((one) => one.files))] };
  });
}

async function containers(
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<readonly ListedContainer[]> {
  try {
    await using engine = await connectEngine(env, signal);
    return await engine.actions.containers(signal);
  } catch (error) {
    if (error instanceof WcError && error.code === 'ERR_ENGINE_UNREACHABLE') return [];
    throw error;
  }
}

async function storedProjects(
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly { readonly name: ProjectName; readonly files: readonly string[] }[]> {
  // Of any project: the directory above is the one of all.
  const base = dirname(projectDirs(projectName('any'), env).state);
  const stored = await Promise.all((await entries(base)).map(async (id) => await read(join(base, id, 'project.json'))));
  return stored.filter((project) => project !== undefined);
}

async function read(path: string): Promise<Awaited<ReturnType<typeof readProjectFile>>> {
  try {
    return await readProjectFile(path);
  } catch {
    // SyntaxError, or of a newer version: whoever works with that project is told.
    return undefined;
  }
}

async function entries(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch {
    // ENOENT: there has never been a project.
    return [];
  }
}

async function wasmInstances(
  name: ProjectName,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<readonly ObservedInstance[]> {
  const dirs = projectDirs(name, env);
  const client = new ControlClient(dirs.socket);
  try {
    if ((await client.probe(signal)) !== undefined) {
      const { instances } = await client.call('GET /v1/instances', undefined, signal);
      return instances.filter((instance) => instance.kind === 'wasm');
    }
  } catch (error) {
    // It is of another version, or ended just now; what it wrote down is still there.
    if (!(error instanceof WcError)) throw error;
  }
  return await new WasmRecord(dirs.wasmRecord).readEnded();
}

function stateWord({ state }: ObservedInstance): string {
  return state.at === 'backoff' ? 'restarting' : state.at;
}
