import type { AttachRequest, CopyInRequest, CopyOutRequest, ExportRequest } from '../control/session-protocol.ts';
import type { Session } from '../control/session-server.ts';
import type { ProjectDirs } from '../control/project-dirs.ts';
import { WcError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { InstanceFiles } from '../runtime/instance-files.ts';
import { wasmFiles } from '../runtime/wasm/instance-files.ts';
import { copyIn, copyOut, sendArchive } from './copy.ts';
import type { EngineAccess } from './engine-access.ts';
import type { ProjectSupervisor } from './project-supervisor.ts';
import { readProjectFile } from './state-file.ts';
import type { ProjectVolumes } from './volumes.ts';

export interface FileSessionParts {
  readonly name: ProjectName;
  readonly dirs: ProjectDirs;
  readonly supervisor: ProjectSupervisor;
  readonly engine: EngineAccess;
  readonly volumes: ProjectVolumes;
}

/** `cp` and `export`. */
export async function serveFiles(
  parts: FileSessionParts,
  request: CopyInRequest | CopyOutRequest | ExportRequest,
  session: Session,
  signal: AbortSignal,
): Promise<number> {
  const all = await allInstances(parts, signal);
  if (request.open === 'export') {
    const [instance] = chooseTargets(request, all);
    if (instance === undefined || instance.kind === 'wasm') throw nothingToExport(request.service, instance);
    const engine = await parts.engine.get(signal);
    await sendArchive(await engine.exportContainer(instance.handle, signal), session);
    return 0;
  }
  const instance = all.find(({ name }) => name === request.instance);
  if (instance === undefined) throw new WcError('ERR_NO_SUCH_SERVICE', `there is no instance ${request.instance}`);
  const files = await filesOf(parts, instance, signal);
  if (request.open === 'copy-out') await copyOut(files, request, session, signal);
  else await copyIn(files, request, session, signal);
  return 0;
}

/** Of a service: one where a number is given. Throws where there is none. */
export function chooseTargets(
  { service, index }: Pick<AttachRequest, 'service' | 'index'>,
  instances: readonly ObservedInstance[],
): readonly ObservedInstance[] {
  const all = instances.filter((instance) => instance.service === service);
  const wanted = index === undefined ? all : all.filter((instance) => instance.index === index);
  if (wanted.length > 0) return wanted;
  if (all.length === 0) {
    throw new WcError('ERR_NO_SUCH_SERVICE', `there is no instance of service ${service}`, {
      hint: `make one with: wcompose create ${service}`,
    });
  }
  throw new WcError('ERR_NO_SUCH_SERVICE', `service ${service} has no instance number ${index}`, {
    hint: `it has: ${all.map((instance) => instance.index).join(', ')}`,
  });
}

/** Those of the project, and its containers of `run`. */
export async function allInstances(
  { name, supervisor, engine }: Pick<FileSessionParts, 'name' | 'supervisor' | 'engine'>,
  signal: AbortSignal,
): Promise<readonly ObservedInstance[]> {
  const { instances } = await supervisor.list(signal);
  const oneOffs = (await engine.current?.actions.oneOffs(name, signal)) ?? [];
  return [...instances, ...oneOffs];
}

async function filesOf(
  parts: FileSessionParts,
  instance: ObservedInstance,
  signal: AbortSignal,
): Promise<InstanceFiles> {
  if (instance.kind === 'container') return (await parts.engine.get(signal)).files(instance.handle, instance.name);
  const project = await readProjectFile(parts.dirs.project);
  const service = project?.services[instance.service];
  if (project === undefined || service?.kind !== 'wasm') {
    throw new WcError('ERR_NO_SUCH_SERVICE', `what is mounted into ${instance.name} is not known any more`, {
      hint: 'run `wcompose up` first',
    });
  }
  return wasmFiles(service, await parts.volumes.resolve(project, service, signal));
}

function nothingToExport(service: string, instance: ObservedInstance | undefined): WcError {
  if (instance === undefined) return new WcError('ERR_NO_SUCH_SERVICE', `there is no instance of service ${service}`);
  return new WcError('ERR_USAGE', `${service} is a Wasm service: it has no file system of its own`, {
    hint: `wcompose cp ${service}:PATH - gives what is mounted into it`,
  });
}
