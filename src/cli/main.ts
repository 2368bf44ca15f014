import { readVersion } from '../control/version.ts';
import { ERROR_TABLE, WcError, WcErrors } from '../model/diagnostic.ts';
import { formatError } from '../model/format-diagnostic.ts';
import { createOutput } from '../ui/output.ts';
import type { Output } from '../ui/output.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED } from './context.ts';
import type { CommandContext, ExitStatusCode } from './context.ts';
import { Interrupts } from './interrupt.ts';
import type { RunCommand } from './program.ts';
import { loadFrom, modelFrom, nameFrom } from './project.ts';
import { readQuickly } from './quick-arguments.ts';

/** The command line program; sets the exit status of the process and never throws. */
export async function main(args: readonly string[]): Promise<void> {
  const gone = new AbortController();
  const output = createOutput(process, process.env, () => gone.abort());
  using interrupts = new Interrupts();
  const run: RunCommand = async (options, command) => {
    const { signal } = gone;
    const context: CommandContext = {
      output,
      signal,
      loadProject: async (services) => await loadFrom(options, services, output, signal),
      loadModel: async (services, stages) => await modelFrom(options, services, stages, output, signal),
      allResources: options.allResources === true,
      projectName: async () => await nameFrom(options, signal),
    };
    process.exitCode = await command(context, interrupts);
  };
  try {
    const quick = readQuickly(args);
    if (quick === undefined) {
      const { runProgram } = await import('./program.ts');
      process.exitCode = (await runProgram(args, run, readVersion())) ?? process.exitCode;
    } else {
      const { command, names, options, global } = quick;
      await run(global, async (context, counted) => await command.action(names, options, context, counted));
    }
  } catch (error) {
    process.exitCode = report(error, { output, interrupted: interrupts.count > 0, gone: gone.signal.aborted });
  }
}

/** Tells the user of an error, and which exit status it has. */
function report(
  error: unknown,
  state: { readonly output: Output; readonly interrupted: boolean; readonly gone: boolean },
): ExitStatusCode {
  // Whoever read our output has gone: nothing is wrong with the command.
  if (state.gone) return 0;
  if (state.interrupted && error instanceof Error && error.name === 'AbortError') return EXIT_INTERRUPTED;
  if (error instanceof WcErrors) {
    for (const one of error.errors) state.output.err(`${formatError(one)}\n`);
    return EXIT_FAILED;
  }
  if (error instanceof WcError && ERROR_TABLE[error.code].blame !== 'wcompose') {
    state.output.err(`${formatError(error)}\n`);
    return ERROR_TABLE[error.code].exit;
  }
  state.output.err(bugReport(error));
  return EXIT_FAILED;
}

function bugReport(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    'wcompose has a bug: this should not have happened.',
    `  wcompose ${readVersion()}, Node ${process.version}, ${process.platform} ${process.arch}`,
    ...stack.split('\n').map((line) => `  ${line}`),
    '',
  ].join('\n');
}
