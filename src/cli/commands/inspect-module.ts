import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { WcError } from '../../model/diagnostic.ts';
import type { ModuleReport } from '../../model/module-report.ts';
import type { Service } from '../../model/project.ts';
import { moduleReportText } from '../../ui/module-report-text.ts';
import { inspectOnce } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface InspectModuleOptions {
  readonly format: 'text' | 'json';
}

/** A file if there is one of that name, else the module of that service, else what that image of the Engine runs. */
export async function inspectModule(
  what: string,
  options: InspectModuleOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const report = await find(what, context);
  const { output } = context;
  output.out(options.format === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : moduleReportText(report));
  return EXIT_OK;
}

async function find(what: string, context: CommandContext): Promise<ModuleReport> {
  const file = resolve(what);
  if (existsSync(file) || IS_PATH.test(what)) return await inspectOnce({ file }, context.signal);
  const service = IS_NAME.test(what) ? await serviceNamed(what, context) : undefined;
  if (service === undefined) return await inspectOnce({ image: what }, context.signal);
  if (service.kind === 'container') {
    throw new WcError('ERR_USAGE', `${what} is a service of containers and has no module`, {
      source: service.source,
      hint: `for its image: wcompose inspect-module ${service.image}`,
    });
  }
  const { module } = service;
  if (module.from === 'file') return await inspectOnce({ file: module.path }, context.signal);
  throw new WcError('ERR_COMPOSE_UNSUPPORTED', `the module of ${what} comes from a registry or catalogue`, {
    source: service.source,
    hint: 'this version looks at files and at images of the Engine only',
  });
}

/** Undefined where there is no project, or none with such a service. */
async function serviceNamed(name: string, context: CommandContext): Promise<Service | undefined> {
  try {
    return (await context.loadProject([])).project.services[name];
  } catch (error) {
    if (error instanceof WcError && error.code === 'ERR_COMPOSE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** `./x`, `../x`, `/x`, `x.wasm`: never the name of an image. */
const IS_PATH = /^\.{0,2}\/|\.(wasm|wat)$/;
const IS_NAME = /^[a-zA-Z0-9._-]+$/;
