import type { Warning } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import { FILE } from './attributes.ts';
import { complete } from './complete.ts';
import { checkConsistency } from './consistency.ts';
import { findProject } from './find-files.ts';
import type { LoadOptions, ModelOptions } from './load-options.ts';
import { child, entriesOf, scalar, withKeys } from './node.ts';
import type { MapNode } from './node.ts';
import { normalize } from './normalize.ts';
import { parseAll } from './parse-yaml.ts';
import { Problems } from './problems.ts';
import { splitList } from './project-environment.ts';
import type { Environment } from './project-environment.ts';
import { nameOf, noFiles } from './project-name.ts';
import { readModel } from './read-model.ts';
import { enableProfiles, profilesOf, pruneResources, selectedNames, selectServices } from './select.ts';
import { readServiceFiles } from './service-files.ts';
import type { SourceFile } from './source-file.ts';

/** The compose file as it is understood. */
export interface ComposeModel {
  readonly root: MapNode;
  /** False: texts may still hold variables. */
  readonly interpolated: boolean;
}

export interface LoadedModel {
  readonly model: ComposeModel;
  readonly name: ProjectName;
  readonly directory: string;
  readonly files: readonly SourceFile[];
  readonly environment: Environment;
  /** Of all services, also of those that are not enabled. */
  readonly profiles: readonly string[];
  /** The named services and what they need; all that are enabled where none is named. */
  readonly selected: ReadonlySet<string>;
  /** Names of all services of the files. */
  readonly services: readonly string[];
  readonly warnings: readonly Warning[];
}

/** Reads the files of a project. The stages are those of the compose specification, in its order. */
export async function loadModel(options: LoadOptions, stages: ModelOptions, signal: AbortSignal): Promise<LoadedModel> {
  const problems = new Problems();
  const place = await findProject(options, problems, signal);
  if (place.files.length === 0) throw noFiles(options);
  const { directory, reader } = place;
  const files: SourceFile[] = [];
  for (const file of place.files) files.push(await reader.composeFile(file, signal));
  const documents = await parseAll(files);
  const name = await nameOf(options, place, documents, problems, stages.interpolate);
  const environment = place.environment.with('COMPOSE_PROJECT_NAME', name);

  const context = { problems, reader, model: stages, environment, directory, included: [], signal };
  const merged = await readModel(files, context);
  const completed = complete(merged, FILE, [], { problems, raw: !stages.interpolate }) as MapNode;
  problems.throwErrors();
  const normal = stages.normalize
    ? normalize(completed, name, environment.lookup)
    : withKeys(completed, { name: scalar(name, completed.at) });

  const active = options.profiles.length > 0 ? options.profiles : splitList(environment.get('COMPOSE_PROFILES'), ',');
  const enabled = enableProfiles(normal, active, options.services);
  if (stages.consistency) checkConsistency(enabled.model, enabled.disabled, problems);
  problems.throwErrors();
  const selected = selectedNames(enabled.model, options.services);
  const chosen = stages.select ? selectServices(enabled.model, selected) : enabled.model;
  const pruned = stages.allResources ? chosen : pruneResources(chosen);
  const root = await readServiceFiles(
    pruned,
    { environment, reader, envFiles: stages.resolveEnvironment, needed: selected },
    signal,
  );
  return {
    model: { root, interpolated: stages.interpolate },
    name,
    directory,
    files,
    environment,
    profiles: allProfiles(normal),
    selected,
    services: entriesOf(child(normal, 'services')).map(([service]) => service),
    warnings: problems.warnings,
  };
}

function allProfiles(model: MapNode): readonly string[] {
  const services = entriesOf(child(model, 'services'));
  return [...new Set(services.flatMap(([, service]) => profilesOf(service)))].toSorted();
}
