import type { ApplyRequest, SupervisorEvent } from '../../control/protocol.ts';
import { WcError } from '../../model/diagnostic.ts';
import { parseInstanceId } from '../../model/ids.ts';
import type { Project } from '../../model/project.ts';
import { exitCode } from '../../model/state.ts';
import { LogLines } from '../../ui/log-lines.ts';
import { ensureSupervisor } from '../connect.ts';
import type { Connection } from '../connect.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';
import { checkExitFlags, ExitWatch } from '../exit-watch.ts';
import type { ExitOptions } from '../exit-watch.ts';
import { followPlan } from '../follow-plan.ts';
import type { Interrupts } from '../interrupt.ts';
import { applyScales } from '../scale.ts';
import { streamLogs } from '../stream-logs.ts';

export interface UpOptions extends ExitOptions {
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
  readonly dryRun?: boolean;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  readonly noDeps?: boolean;
  readonly noStart?: boolean;
  /** `--build`; false: `--no-build`. */
  readonly build?: boolean;
  readonly removeOrphans?: boolean;
  /** `SERVICE=NUMBER` */
  readonly scale?: readonly string[];
  readonly failFast?: boolean;
  readonly timeout?: number;
  readonly logPrefix?: boolean;
  readonly timestamps?: boolean;
}

export async function up(
  services: readonly string[],
  options: UpOptions,
  context: CommandContext,
  interrupts: Interrupts,
): Promise<ExitStatusCode> {
  checkFlags(options);
  const loaded = await context.loadProject(services);
  const project = applyScales(loaded.project, options.scale ?? []);
  const request = applyRequest(project, services, options);
  const attached = !(
    options.detach === true ||
    options.wait === true ||
    options.dryRun === true ||
    options.noStart === true
  );
  checkExitFlags(options, attached, Object.keys(project.services));
  const connection = await ensureSupervisor(project.name, context.signal);
  if (attached) return await new AttachedUp(connection, request, options, context).run(interrupts);

  const cancel = new AbortController();
  interrupts.listen(() => cancel.abort());
  const signal = AbortSignal.any([context.signal, cancel.signal]);
  const events = connection.client.stream('PUT /v1/project', request, signal);
  const result = await followPlan(events, context.output, { printPlan: options.dryRun === true });
  if (interrupts.count > 0) return EXIT_INTERRUPTED;
  return result.ok ? EXIT_OK : EXIT_FAILED;
}

/** `up` in the foreground: the client follows the logs and turns Ctrl-C into a stop; the supervisor does the rest. */
class AttachedUp {
  readonly #connection: Connection;
  readonly #request: ApplyRequest;
  readonly #options: UpOptions;
  readonly #context: CommandContext;
  readonly #ended = new AbortController();
  readonly #exits: ExitWatch;
  #aborting: Promise<void> | undefined;
  #lastLine: number | undefined;
  #logs: Promise<void> = Promise.resolve();

  constructor(connection: Connection, request: ApplyRequest, options: UpOptions, context: CommandContext) {
    this.#connection = connection;
    this.#request = request;
    this.#options = options;
    this.#exits = new ExitWatch(options);
    this.#context = context;
  }

  async run(interrupts: Interrupts): Promise<ExitStatusCode> {
    const { client } = this.#connection;
    const signal = AbortSignal.any([this.#context.signal, this.#ended.signal]);
    let stopped: Promise<void> | undefined;
    interrupts.listen((count) => {
      stopped = this.#stop(count);
    });
    const events = client.stream('PUT /v1/project', this.#request, signal);
    const result = await followPlan(events, this.#context.output, { onPlan: (logSeq) => this.#follow(logSeq, signal) });
    if (!result.ok && interrupts.count === 0) {
      await this.#finish();
      return EXIT_FAILED;
    }
    await this.#watch(signal);
    await stopped;
    // Nothing runs any more before the last exit is told of.
    if (this.#exits.isActive && interrupts.count === 0) await this.#takeEnded(signal);
    await this.#aborting;
    await this.#finish();
    return interrupts.count > 0 ? EXIT_INTERRUPTED : (this.#exits.code ?? EXIT_OK);
  }

  /** Resolves when nothing of what was brought up runs any more. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { client } = this.#connection;
    const query = new URLSearchParams(this.#request.services.map((service): [string, string] => ['service', service]));
    for await (const event of client.stream('GET /v1/events', undefined, signal, `?${query.toString()}`)) {
      if (event.type === 'engine') this.#context.output.err(engineNotice(event));
      if (event.type === 'warning') this.#context.output.err(`${event.message}\n`);
      if (event.type === 'subscribed' && this.#exits.isActive) await this.#takeEnded(signal);
      if (event.type === 'exited' && !event.restarting)
        this.#takeExit(parseInstanceId(event.id).service, exitCode(event.exit));
      if (event.type !== 'exited' && event.type !== 'subscribed') continue;
      if (event.running > 0) continue;
      this.#lastLine = event.logSeq;
      return;
    }
  }

  /** What had ended while this client did not listen. */
  async #takeEnded(signal: AbortSignal): Promise<void> {
    const { services } = this.#request;
    for (const { service, state } of await this.#connection.client.call('GET /v1/instances', undefined, signal)) {
      if (state.at === 'exited' && (services.length === 0 || services.includes(service)))
        this.#takeExit(service, exitCode(state.exit));
    }
  }

  #takeExit(service: string, code: number): void {
    if (!this.#exits.take(service, code) || this.#aborting !== undefined) return;
    this.#context.output.err('Aborting on the exit of an instance...\n');
    this.#aborting = this.#stop(0);
  }

  #follow(logSeq: number, signal: AbortSignal): void {
    const { output } = this.#context;
    const names = Object.values(this.#request.project.services).map((service) => `${service.name}-${service.replicas}`);
    const lines = new LogLines(output, {
      prefix: this.#options.logPrefix !== false,
      timestamps: this.#options.timestamps === true,
      names,
    });
    this.#logs = streamLogs(
      this.#connection.client,
      {
        services: this.#request.services,
        after: logSeq,
        follow: true,
        until: () => this.#lastLine,
        splitStreams: true,
      },
      lines,
      output,
      signal,
    );
  }

  /** The first Ctrl-C stops what this `up` started, within each service's grace; the second kills it. */
  async #stop(count: number): Promise<void> {
    const { output, signal } = this.#context;
    if (count > 2) return;
    if (count === 1) output.err('\nGracefully stopping... (press Ctrl+C again to force)\n');
    const action = count <= 1 ? 'stop' : 'kill';
    const request = { action, services: this.#request.services, timeoutMs: this.#options.timeout } as const;
    await followPlan(this.#connection.client.stream('POST /v1/services', request, signal), output);
  }

  async #finish(): Promise<void> {
    // The last lines are on their way when nothing runs any more; otherwise nobody waits for the stream.
    if (this.#lastLine === undefined) this.#ended.abort();
    const patience = AbortSignal.timeout(LAST_LINES_MS);
    patience.addEventListener('abort', () => this.#ended.abort(), { once: true });
    await this.#logs;
    this.#ended.abort();
  }
}

const LAST_LINES_MS = 2_000;

function engineNotice(event: Extract<SupervisorEvent, { type: 'engine' }>): string {
  return event.reachable
    ? 'The Docker Engine is back.\n'
    : `The Docker Engine does not answer (${event.reason ?? 'no reason given'}); Wasm services go on, waiting for it.\n`;
}

function applyRequest(project: Project, services: readonly string[], options: UpOptions): ApplyRequest {
  return {
    project,
    services,
    withDependencies: options.noDeps !== true,
    recreate: options.forceRecreate === true ? 'always' : options.noRecreate === true ? 'never' : 'changed',
    removeOrphans: options.removeOrphans === true,
    build: options.build === undefined ? 'missing' : options.build ? 'always' : 'never',
    start: options.noStart !== true,
    wait: options.wait === true,
    waitTimeoutMs: options.waitTimeout === undefined ? undefined : options.waitTimeout * 1000,
    dryRun: options.dryRun === true,
    failFast: options.failFast === true,
  };
}

function checkFlags(options: UpOptions): void {
  if (options.forceRecreate === true && options.noRecreate === true) {
    throw new WcError('ERR_USAGE', '--force-recreate and --no-recreate are incompatible');
  }
  if (options.waitTimeout !== undefined && options.wait !== true) {
    throw new WcError('ERR_USAGE', '--wait-timeout needs --wait');
  }
}
