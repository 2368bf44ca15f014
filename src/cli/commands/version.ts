import type { EngineReport } from '../../control/protocol.ts';
import { readVersion } from '../../control/version.ts';
import { engineOnce } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface VersionOptions {
  readonly format: 'pretty' | 'json';
  readonly short?: boolean;
}

/** The version of this program, and which Engine it would use and why. An Engine that does not answer is no failure. */
export async function version(options: VersionOptions, context: CommandContext): Promise<ExitStatusCode> {
  const { output } = context;
  const number = readVersion();
  if (options.short === true) {
    output.out(`${number}\n`);
    return EXIT_OK;
  }
  const engine = await engineOnce(context.signal);
  if (options.format === 'json') {
    output.out(`${JSON.stringify({ version: `v${number}`, node: process.version, engine })}\n`);
  } else output.out(`wcompose version v${number} (Node ${process.version})\n${engineLines(engine)}`);
  return EXIT_OK;
}

function engineLines(engine: EngineReport): string {
  if (!engine.reachable) return `Engine: none: ${engine.error.message}\n`;
  const { product, version: number, platform, apiVersion, newestApi, endpoint } = engine;
  const api = apiVersion === newestApi ? apiVersion : `${apiVersion} (it knows ${newestApi})`;
  return `Engine: ${product} ${number} (${platform}), API ${api}\n        at ${endpoint}\n`;
}
