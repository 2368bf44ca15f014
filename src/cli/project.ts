import { text } from 'node:stream/consumers';

import type { LoadedModel } from '../compose/load-model.ts';
import type { LoadOptions, ModelOptions } from '../compose/load-options.ts';
import type { LoadedProject } from '../compose/load.ts';
import type { ProjectName } from '../model/ids.ts';
import type { Output } from '../ui/output.ts';
import { formatWarning } from '../model/format-diagnostic.ts';
import type { GlobalOptions } from './context.ts';

export async function loadFrom(
  options: GlobalOptions,
  services: readonly string[],
  output: Output,
  signal: AbortSignal,
): Promise<LoadedProject> {
  const { loadProject } = await import('../compose/load.ts');
  const loaded = await loadProject({ ...loadOptions(options), services }, signal);
  for (const warning of loaded.warnings) output.err(`${formatWarning(warning)}\n`);
  return loaded;
}

export async function modelFrom(
  options: GlobalOptions,
  services: readonly string[],
  stages: ModelOptions,
  output: Output,
  signal: AbortSignal,
): Promise<LoadedModel> {
  const { loadModel } = await import('../compose/load-model.ts');
  const loaded = await loadModel({ ...loadOptions(options), services }, stages, signal);
  for (const warning of loaded.warnings) output.err(`${formatWarning(warning)}\n`);
  return loaded;
}

export async function nameFrom(options: GlobalOptions, signal: AbortSignal): Promise<ProjectName> {
  const { resolveProjectIdentity } = await import('../compose/project-name.ts');
  const identity = await resolveProjectIdentity(loadOptions(options), signal);
  return identity.name;
}

/** What a shell completes: names of the file, also of services whose profile is off. Nothing is checked. */
export async function namesFrom(
  options: GlobalOptions,
  signal: AbortSignal,
): Promise<{ readonly services: readonly string[]; readonly profiles: readonly string[] }> {
  const { loadModel } = await import('../compose/load-model.ts');
  const stages = {
    interpolate: true,
    normalize: false,
    resolvePaths: false,
    consistency: false,
    resolveEnvironment: false,
    select: false,
    allResources: true,
  };
  const { services, profiles } = await loadModel({ ...loadOptions(options), profiles: ['*'] }, stages, signal);
  return { services, profiles };
}

function loadOptions(options: GlobalOptions): LoadOptions {
  return {
    cwd: process.cwd(),
    files: options.file ?? [],
    envFiles: options.envFile ?? [],
    profiles: options.profile ?? [],
    services: [],
    env: process.env,
    stdin: async () => await text(process.stdin),
    ...(options.projectName === undefined ? {} : { projectName: options.projectName }),
    ...(options.projectDirectory === undefined ? {} : { projectDirectory: options.projectDirectory }),
  };
}
