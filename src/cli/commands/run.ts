import { pickEngineEnv } from '../../control/engine-env.ts';
import type { SupervisorEvent } from '../../control/protocol.ts';
import type { RunRequest } from '../../control/session-protocol.ts';
import { fromWireError, WcError } from '../../model/diagnostic.ts';
import { formatError } from '../../model/format-diagnostic.ts';
import type { Project, Service } from '../../model/project.ts';
import { planLine } from '../../ui/plan-lines.ts';
import type { Output } from '../../ui/output.ts';
import { buildEnvironment } from '../build-environment.ts';
import { ensureSupervisor } from '../connect.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { readEnvironment } from '../environment.ts';
import type { Interrupts } from '../interrupt.ts';
import { readLabels, readMount, readPort, splitWords } from '../run-flags.ts';
import { runSession, wantsTty } from '../session.ts';

export interface RunOptions {
  readonly rm?: boolean;
  readonly detach?: boolean;
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly volume?: readonly string[];
  readonly publish?: readonly string[];
  readonly label?: readonly string[];
  readonly servicePorts?: boolean;
  readonly useAliases?: boolean;
  readonly name?: string;
  /** False: `-T`. */
  readonly tty?: boolean;
  /** False: `--no-interactive`. */
  readonly interactive?: boolean;
  readonly entrypoint?: string;
  /** False: `--no-deps`. */
  readonly deps?: boolean;
  readonly build?: boolean;
}

/** A new instance of a service for one command; its exit status is ours. */
export async function run(
  service: string,
  command: readonly string[],
  options: RunOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  const { output } = context;
  const { project } = await context.loadProject([service]);
  const request = runRequest(project, service, command, options);
  const connection = await ensureSupervisor(project.name, { sameVersion: true }, context.signal);
  const hooks = {
    event: (event: SupervisorEvent): void => printEvent(event, output),
    started: (name: string): void => {
      if (request.detach) output.out(`${name}\n`);
    },
    // A terminal sends its Ctrl-C as a key. Without one the first and the second are passed on, the third leaves.
    interrupt: (session: { send(message: { type: 'signal'; name: string }): void }, count: number): boolean => {
      if (request.detach || count > 2) return false;
      session.send({ type: 'signal', name: count === 1 ? (interrupts.last ?? 'SIGINT') : 'SIGKILL' });
      return true;
    },
  };
  return await runSession(connection, request, hooks, context, interrupts);
}

function runRequest(project: Project, name: string, command: readonly string[], options: RunOptions): RunRequest {
  const service = project.services[name];
  if (service === undefined) throw new WcError('ERR_NO_SUCH_SERVICE', `no such service: ${name}`);
  const isWasm = service.kind === 'wasm';
  if (isWasm && options.useAliases === true) {
    throw new WcError('ERR_USAGE', `${name} is a Wasm service: an instance of \`run\` cannot have its names`, {
      hint: 'leave out --use-aliases',
    });
  }
  const entrypoint = options.entrypoint === undefined ? undefined : splitWords(options.entrypoint);
  return {
    open: 'run',
    project,
    engineEnv: pickEngineEnv(process.env),
    service: name,
    command: command.length === 0 ? undefined : command,
    entrypoint,
    ...streamsOf(service, options),
    remove: options.rm === true,
    withDependencies: options.deps !== false,
    build: options.build === true ? 'always' : 'missing',
    buildEnvironment: buildEnvironment(project, process.env),
    environment: readEnvironment(options.env ?? [], process.env),
    labels: readLabels(options.label ?? []),
    user: options.user,
    workingDir: options.workdir,
    name: options.name,
    mounts: (options.volume ?? []).map((text) => readMount(text, project, process.cwd())),
    ports: (options.publish ?? []).map(readPort),
    servicePorts: options.servicePorts === true,
    useAliases: options.useAliases === true,
  };
}

/** A module has no terminal: what is typed comes line by line. `engine: wasmer` has no input either. */
function streamsOf(service: Service, options: RunOptions): Pick<RunRequest, 'tty' | 'stdin' | 'detach'> {
  const detach = options.detach === true;
  const isWasm = service.kind === 'wasm';
  const hasInput = !isWasm || service.engine === 'native';
  const stdin = hasInput && !detach && options.interactive !== false;
  return { detach, stdin, tty: stdin && !isWasm && wantsTty(options.tty === false) };
}

/** What the run needs is told of on stderr; stdout is the command's. */
function printEvent(event: SupervisorEvent, output: Output): void {
  if (event.type === 'warning') output.err(`${output.style('yellow', 'Warning:')} ${event.message}\n`);
  if (event.type === 'end') {
    for (const failure of event.failures) output.err(`${formatError(fromWireError(failure))}\n`);
  }
  const line = event.type === 'node' ? planLine(event.node, output) : undefined;
  if (line !== undefined) output.err(line);
}
