import { existsSync } from 'node:fs';

import type { LogSink } from '../logs/record.ts';
import { WcError } from '../model/diagnostic.ts';
import type { ModuleBuild, WasmService } from '../model/project.ts';
import { LineSplitter } from '../util/line-splitter.ts';

export interface BuildContext {
  /** The project's directory, where the command runs. */
  readonly directory: string;
  /** Gets the command's output as it comes: it is read with the service's log. */
  readonly logs: LogSink;
  /** Line by line, for whoever watches the build. */
  readonly tell?: ((line: string, stream: 'stdout' | 'stderr') => void) | undefined;
}

/**
 * Runs the command that makes a service's module. ERR_BUILD_FAILED with the last lines of its output when it fails or
 * makes no file; a module that was there before stays then. The signal ends the command and all it has started.
 */
export async function buildModule(
  service: WasmService,
  build: ModuleBuild,
  { directory, logs, tell }: BuildContext,
  signal: AbortSignal,
): Promise<void> {
  const [file = '', ...args] = build.command;
  // Loaded here: most projects come with their modules.
  const { execa } = await import('execa');
  const tail = new Tail();
  const lines = new LineSplitter(({ text }) => tell?.(text, 'stderr'));
  const child = execa(file, args, {
    cwd: directory,
    all: true,
    buffer: false,
    reject: false,
    stdin: 'ignore',
    cancelSignal: signal,
    // A compiler gets a moment to remove its temporary files.
    forceKillAfterDelay: KILL_MS,
  });
  child.all.on('data', (chunk: Buffer) => {
    logs.write('stderr', chunk);
    tail.push(chunk);
    lines.push(chunk);
  });
  const result = await child;
  logs.flush();
  lines.flush();
  signal.throwIfAborted();
  if (result.failed) throw failure(service, build, reasonOf(result), tail.text());
  if (!existsSync(build.output)) throw failure(service, build, `it made no ${build.output}`, tail.text());
}

function failure(service: WasmService, build: ModuleBuild, reason: string, output: string): WcError {
  const said = output === '' ? '' : `\n${output}`;
  return new WcError('ERR_BUILD_FAILED', `cannot build the module of ${service.name}: ${reason}${said}`, {
    source: build.source,
    hint: `the command is: ${build.command.join(' ')}`,
  });
}

function reasonOf(result: {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
}): string {
  if (result.exitCode !== undefined) return `its command exited with code ${result.exitCode}`;
  if (result.signal !== undefined) return `its command was ended by ${result.signal}`;
  return `its command cannot be run (${result.code ?? 'for no reason given'})`;
}

/** The end of an output: what a person needs of a failed build. */
class Tail {
  #bytes: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-TAIL_BYTES);
  }

  text(): string {
    const lines = this.#bytes.toString('utf8').trimEnd().split('\n');
    return lines.slice(-TAIL_LINES).join('\n');
  }
}

const KILL_MS = 2_000;
const TAIL_BYTES = 8 * 1024;
const TAIL_LINES = 20;
