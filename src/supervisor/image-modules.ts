import { lstat, open, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import type { Project, Service, WasmService } from '../model/project.ts';
import type { ImageFacts } from '../runtime/container-images.ts';
import type { ImageFiles } from '../storage/image-files.ts';
import type { EngineSide } from './engine-access.ts';

export interface ResolveOptions {
  /** Services whose images count as they are now; the others stay as they were applied last. */
  readonly selected: ReadonlySet<string>;
  readonly stored: Project | undefined;
  /** Nothing is unpacked: a service whose image is not known yet stays as the file has it. */
  readonly dryRun: boolean;
}

/**
 * The project with the modules of images as files: each image is unpacked once, and what it says of its entrypoint,
 * environment and directory is filled in where the file says nothing. Drivers know modules as files only.
 */
export async function resolveModules(
  project: Project,
  { files, engine }: { readonly files: ImageFiles; readonly engine: EngineSide | undefined },
  options: ResolveOptions,
  signal: AbortSignal,
): Promise<Project> {
  const services: Record<string, Service> = {};
  for (const [name, service] of Object.entries(project.services)) {
    services[name] = service;
    if (service.kind !== 'wasm' || service.module.from !== 'oci') continue;
    const before = options.stored?.services[name];
    if (!options.selected.has(name)) services[name] = before?.kind === 'wasm' ? before : service;
    else if (engine !== undefined) {
      services[name] = await resolveService(service, { files, engine, dryRun: options.dryRun }, signal);
    }
  }
  return { ...project, services };
}

/** Removes the unpacked files of images that neither the project nor an instance that runs is made of. */
export async function forgetImages(files: ImageFiles, project: Project, running: readonly string[]): Promise<void> {
  const used = Object.values(project.services).flatMap((service) =>
    service.kind === 'wasm' && service.rootDirectory !== undefined ? [service.rootDirectory] : [],
  );
  await files.keepOnly([...used, ...running]);
}

async function resolveService(
  service: WasmService,
  { files, engine, dryRun }: { readonly files: ImageFiles; readonly engine: EngineSide; readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<WasmService> {
  if (service.module.from !== 'oci') return service;
  const { reference } = service.module;
  const image = await engine.images.inspect(reference, signal);
  if (image === undefined) {
    if (dryRun) return service;
    throw notThere(service, reference);
  }
  if (dryRun && !(await files.isUnpacked(image.id))) return service;
  const root = await files.unpack(image.id, async () => await engine.images.save(reference, signal), signal);
  return await fillIn(service, image, root);
}

/** What the image says, where the service does not. Another entrypoint does not know the image's command. */
async function fillIn(service: WasmService, image: ImageFacts, root: string): Promise<WasmService> {
  if (service.module.from !== 'oci') return service;
  const { reference, entrypoint: ownEntrypoint, command: ownCommand } = service.module;
  const entrypoint = ownEntrypoint ?? image.entrypoint;
  const command = ownCommand ?? (ownEntrypoint === undefined ? image.command : []);
  const [program, ...args] = [...entrypoint, ...command];
  if (program === undefined) throw invalid(service, 'the image has neither an entrypoint nor a command');
  const environment = mergeEnvironment(image.environment, service.environment);
  const workingDir = service.workingDir ?? image.workingDir;
  const [file = '', start] = program.split('#', 2);
  if (start !== undefined && start !== '_start') {
    throw invalid(service, `its entrypoint names the function ${start}, and only _start can be run`);
  }
  const path = await findModule(file, { root, workingDir, search: environment['PATH'] ?? '' });
  if (path === undefined) {
    throw invalid(service, `the image has no file ${file}`, 'the entrypoint must be the path of a module in the image');
  }
  await requireModule(service, file, path);
  return {
    ...service,
    module: { from: 'file', path },
    rootDirectory: root,
    imageName: reference,
    programName: file,
    environment,
    workingDir: workingDir === '/' ? service.workingDir : workingDir,
    entrypointArgs: entrypoint.slice(1),
    args,
  };
}

/** Names without a value keep the image's. */
function mergeEnvironment(
  image: readonly string[],
  own: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string | null>> {
  const pairs = image.map((pair) => pair.split(/=(.*)/s, 2) as [string, string]);
  const given = Object.entries(own).filter(([name, value]) => value !== null || !pairs.some(([key]) => key === name));
  return { ...Object.fromEntries(pairs), ...Object.fromEntries(given) };
}

/**
 * As the containerd shims do: a name with a slash is below the working directory; another is looked for in the directories
 * of PATH, then in the working directory. No execute bit is needed. The path is one of the host, without links.
 */
async function findModule(
  file: string,
  { root, workingDir, search }: { readonly root: string; readonly workingDir: string; readonly search: string | null },
): Promise<string | undefined> {
  const below = file.includes('/') ? [] : (search ?? '').split(':').filter((directory) => directory !== '');
  for (const directory of [...below, workingDir]) {
    const found = await realFile(root, posix.resolve('/', workingDir, directory, file));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The file that a path of the image leads to, with every link taken as one of the image. */
async function realFile(root: string, path: string): Promise<string | undefined> {
  let left = path.split('/').filter((part) => part !== '');
  let at: readonly string[] = [];
  for (let hops = 0; left.length > 0;) {
    const [part = '', ...rest] = left;
    left = rest;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const here = join(root, ...at, part);
    // ENOENT, ENOTDIR: the image has no such file.
    const stat = await lstat(here).catch(() => undefined);
    if (stat === undefined) return undefined;
    if (!stat.isSymbolicLink()) {
      at = [...at, part];
      continue;
    }
    if (hops++ > MAX_HOPS) return undefined;
    const target = await readlink(here);
    if (target.startsWith('/')) at = [];
    left = [...target.split('/').filter((word) => word !== '' && word !== '.'), ...left];
  }
  const found = join(root, ...at);
  return (await lstat(found)).isFile() ? found : undefined;
}

async function requireModule(service: WasmService, file: string, path: string): Promise<void> {
  await using handle = await open(path, 'r');
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  const magic = buffer.toString('latin1');
  if (magic === '\0asm') return;
  const isProgram = magic === '\u007fELF' || magic.startsWith('#!');
  throw invalid(
    service,
    `${file} of the image is no WebAssembly module`,
    isProgram ? 'it is a program for containers: leave out platform, runtime and x-wasm to run it as one' : undefined,
  );
}

function notThere(service: WasmService, reference: string): WcError {
  const { name, imageBuild } = service;
  return new WcError('ERR_IMAGE_NOT_FOUND', `${name}: the Engine has no image ${reference}`, {
    source: service.source,
    hint:
      imageBuild === undefined
        ? 'images of Wasm services cannot be pulled from a registry yet: load or build it (docker load, docker build), or name a file with x-wasm.module'
        : `build it with: wcompose build ${name}`,
  });
}

function invalid(service: WasmService, what: string, hint?: string): WcError {
  const reference = service.module.from === 'oci' ? service.module.reference : '';
  return new WcError('ERR_MODULE_INVALID', `${service.name}: image ${reference}: ${what}`, {
    source: service.source,
    hint,
  });
}

const MAX_HOPS = 40;
