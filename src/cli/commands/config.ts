import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import type { LoadedModel } from '../../compose/load-model.ts';
import type { ModelOptions } from '../../compose/load-options.ts';
import type { Variable } from '../../compose/list-variables.ts';
import type { Node } from '../../compose/node.ts';
import { WcError } from '../../model/diagnostic.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface ConfigOptions {
  readonly format: 'yaml' | 'json';
  readonly quiet?: boolean;
  readonly output?: string;
  readonly interpolate: boolean;
  readonly normalize: boolean;
  readonly pathResolution: boolean;
  readonly consistency: boolean;
  readonly envResolution: boolean;
  readonly resolveImageDigests?: boolean;
  readonly lockImageDigests?: boolean;
  readonly services?: boolean;
  readonly volumes?: boolean;
  readonly networks?: boolean;
  readonly models?: boolean;
  readonly images?: boolean;
  readonly profiles?: boolean;
  readonly environment?: boolean;
  readonly variables?: boolean;
  readonly hash?: string;
}

/** The compose file as it is understood: variables filled in, short forms written out, defaults shown. */
export async function config(
  services: readonly string[],
  options: ConfigOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const loaded = await context.loadModel(services, stagesOf(options, context.allResources));
  const text = await printed(await withDigests(loaded, options, context.signal), options);
  if (options.quiet === true) return EXIT_OK;
  if (options.output === undefined) context.output.out(text);
  else writeFileSync(resolve(options.output), text);
  return EXIT_OK;
}

/** Only printing the whole model shows digests; loaded only then, because it takes an HTTP client. */
async function withDigests(loaded: LoadedModel, options: ConfigOptions, signal: AbortSignal): Promise<LoadedModel> {
  const { resolveImageDigests = false, lockImageDigests = false } = options;
  if ((!resolveImageDigests && !lockImageDigests) || LISTS.some((list) => options[list] !== undefined)) return loaded;
  const { imagesOnly, withImageDigests } = await import('../image-digests.ts');
  const root = await withImageDigests(loaded.model.root, process.env, signal);
  return { ...loaded, model: { ...loaded.model, root: lockImageDigests ? imagesOnly(root) : root } };
}

const LISTS = [
  'services',
  'volumes',
  'networks',
  'models',
  'images',
  'profiles',
  'environment',
  'variables',
  'hash',
] as const satisfies readonly (keyof ConfigOptions)[];

function stagesOf(options: ConfigOptions, allResources: boolean): ModelOptions {
  const listsVariables = options.variables === true;
  return {
    interpolate: options.interpolate && !listsVariables,
    normalize: options.normalize,
    resolvePaths: options.pathResolution,
    // What a variable stands for is not known, so nothing can be said of what it refers to.
    consistency: options.consistency && options.interpolate && !listsVariables,
    // docker compose hashes the service as the file has it, with the names of its env files.
    resolveEnvironment: options.envResolution && !listsVariables && options.hash === undefined,
    select: true,
    allResources,
  };
}

async function printed(loaded: LoadedModel, options: ConfigOptions): Promise<string> {
  const { child, entriesOf, textOf } = await import('../../compose/node.ts');
  const section = (name: string): readonly (readonly [string, Node])[] =>
    entriesOf(child(loaded.model.root, name)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const names = (name: string): string => lines(section(name).map(([key]) => key));
  if (options.services === true) return names('services');
  if (options.volumes === true) return names('volumes');
  if (options.networks === true) return names('networks');
  if (options.models === true)
    return lines(section('models').flatMap(([, model]) => textOf(child(model, 'model')) ?? []));
  if (options.profiles === true) return lines(loaded.profiles);
  if (options.images === true) {
    const image = (name: string, service: Node): string | undefined =>
      textOf(child(service, 'image')) ?? (child(service, 'build') === undefined ? undefined : `${loaded.name}-${name}`);
    return lines(section('services').flatMap(([name, service]) => image(name, service) ?? []));
  }
  if (options.environment === true) {
    return lines(
      loaded.environment
        .entries()
        .map(([key, value]) => `${key}=${value}`)
        .toSorted(),
    );
  }
  if (options.hash !== undefined) return await hashes(section('services'), options.hash);
  if (options.variables === true) {
    const { listVariables } = await import('../../compose/list-variables.ts');
    return formatVariables(listVariables(loaded.model.root), options.format);
  }
  const { formatConfig } = await import('../../compose/print-config.ts');
  return formatConfig(loaded.model, { format: options.format });
}

async function hashes(services: readonly (readonly [string, Node])[], wanted: string): Promise<string> {
  const { serviceHash } = await import('../../compose/service-hash.ts');
  const names = wanted === '*' ? undefined : wanted.split(',');
  const missing = names?.find((name) => !services.some(([key]) => key === name));
  if (missing !== undefined) throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${missing}`);
  const chosen = services.filter(([name]) => names === undefined || names.includes(name));
  return lines(chosen.map(([name, service]) => `${name} ${serviceHash(service)}`));
}

function formatVariables(variables: readonly Variable[], format: ConfigOptions['format']): string {
  if (format === 'json') {
    const data = variables.map(({ name, required, defaultValue, presenceValue }) => [
      name,
      { Name: name, DefaultValue: defaultValue, PresenceValue: presenceValue, Required: required },
    ]);
    return `${JSON.stringify(Object.fromEntries(data), undefined, 2)}\n`;
  }
  const rows = [
    ['NAME', 'REQUIRED', 'DEFAULT VALUE', 'ALTERNATE VALUE'],
    ...variables.map((one) => [one.name, String(one.required), one.defaultValue, one.presenceValue]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + 3);
  return lines(
    rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('')
        .trimEnd(),
    ),
  );
}

function lines(list: readonly string[]): string {
  return list.map((name) => `${name}\n`).join('');
}
