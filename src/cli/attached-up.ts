import { pickEngineEnv } from '../control/engine-env.ts';
import type { ApplyRequest, SupervisorEvent } from '../control/protocol.ts';
import { WcError } from '../model/diagnostic.ts';
import { parseInstanceId } from '../model/ids.ts';
import { exitCode } from '../model/state.ts';
import type { LogLines } from '../ui/log-lines.ts';
import type { ControlClient } from '../control/client.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from './context.ts';
import type { CommandContext, ExitStatusCode } from './context.ts';
import type { ExitWatch } from './exit-watch.ts';
import { followPlan, tellEnding } from './follow-plan.ts';
import type { Interrupts } from './interrupt.ts';
import { streamLogs } from './stream-logs.ts';

export interface AttachedUpOptions {
  readonly client: ControlClient;
  readonly request: ApplyRequest;
  readonly apply: (signal: AbortSignal) => AsyncIterable<SupervisorEvent>;
  /** The services whose logs are followed; none: no logs. */
  readonly attachTo: readonly string[];
  readonly lines: LogLines;
  readonly exits: ExitWatch;
}

/** `up` in the foreground: the client follows the logs and turns Ctrl-C into a stop; the supervisor does the rest. */
export class AttachedUp {
  readonly #options: AttachedUpOptions;
  readonly #context: CommandContext;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  #logs: Promise<number> | undefined;
  #aborting: Promise<void> | undefined;

  constructor(options: AttachedUpOptions, context: CommandContext) {
    this.#options = options;
    this.#context = context;
    this.#signal = AbortSignal.any([context.signal, this.#ended.signal]);
  }

  async run(interrupts: Interrupts): Promise<ExitStatusCode> {
    const { output } = this.#context;
    interrupts.listen((count) => void this.#interrupt(count));
    const events = this.#options.apply(this.#signal);
    const result = await followPlan(events, output, { onPlan: (logSeq) => this.#follow(logSeq) });
    const interrupted = (): boolean => interrupts.count > 0;
    if (!result.ok && !interrupted()) tellEnding(result, output);
    else await this.#watch(interrupted);
    // Nothing runs any more before the last exit is told of.
    const { exits } = this.#options;
    if (result.ok && exits.isActive && !interrupted()) await this.#takeEnded();
    await this.#aborting;
    await this.#finish();
    if (interrupted()) return EXIT_INTERRUPTED;
    return result.ok ? (exits.code ?? EXIT_OK) : EXIT_FAILED;
  }

  /** Resolves when nothing of what was brought up runs any more. */
  async #watch(interrupted: () => boolean): Promise<void> {
    const { client } = this.#options;
    const query = new URLSearchParams(this.#watched().map((service): [string, string] => ['service', service]));
    for await (const event of client.stream('GET /v1/events', undefined, this.#signal, `?${query.toString()}`)) {
      if (event.type === 'engine') this.#context.output.err(engineNotice(event));
      if (event.type === 'warning') this.#context.output.err(`${event.message}\n`);
      if (event.type === 'subscribed' && this.#options.exits.isActive) await this.#takeEnded();
      if (event.type === 'exited' && !event.restarting)
        this.#takeExit(parseInstanceId(event.id).service, exitCode(event.exit));
      if ((event.type === 'exited' || event.type === 'subscribed') && event.running === 0) return;
    }
    if (this.#signal.aborted || interrupted()) return;
    throw new WcError('ERR_SUPERVISOR_LOST', 'the supervisor of the project was told to end', {
      hint: 'its Wasm services ended with it; `wcompose up` brings them back',
    });
  }

  /** What is named, as docker compose, and without a name what is attached; none: everything. */
  #watched(): readonly string[] {
    const { request, attachTo } = this.#options;
    return request.services.length > 0 ? request.services : attachTo;
  }

  /** What had ended while this client did not listen. */
  async #takeEnded(): Promise<void> {
    const { client } = this.#options;
    const watched = this.#watched();
    const { instances } = await client.call('GET /v1/instances', undefined, this.#signal);
    for (const { service, state } of instances) {
      if (state.at === 'exited' && (watched.length === 0 || watched.includes(service)))
        this.#takeExit(service, exitCode(state.exit));
    }
  }

  #takeExit(service: string, code: number): void {
    if (!this.#options.exits.take(service, code) || this.#aborting !== undefined) return;
    this.#context.output.err('Aborting on the exit of an instance...\n');
    this.#aborting = this.#interrupt(0);
  }

  #follow(after: number): void {
    const { client, attachTo, lines } = this.#options;
    if (attachTo.length === 0) return;
    const wanted = { services: attachTo, after, follow: true, splitStreams: true };
    this.#logs = streamLogs(client, wanted, lines, this.#context.output, this.#signal);
    // Awaited when all is over; until then a lost supervisor is told by whoever waits for it.
    this.#logs.catch(() => {});
  }

  /** The first Ctrl-C stops what this `up` started, within each service's grace; the second kills it; the third leaves. */
  async #interrupt(count: number): Promise<void> {
    const { output, signal } = this.#context;
    if (count > 2) {
      this.#ended.abort();
      return;
    }
    if (count === 1) output.err('\nGracefully stopping... (press Ctrl+C again to force)\n');
    const { client, request } = this.#options;
    const stop = {
      action: count <= 1 ? 'stop' : 'kill',
      services: request.services,
      timeoutMs: request.timeoutMs,
      engineEnv: pickEngineEnv(process.env),
    } as const;
    try {
      const result = await followPlan(client.stream('POST /v1/services', stop, signal), output);
      // Nobody will tell that nothing runs any more.
      if (!result.ok && result.endedBy === undefined) this.#ended.abort();
    } catch {
      // ERR_SUPERVISOR_LOST: whoever watches it hears the same.
      this.#ended.abort();
    }
  }

  /** Prints what was written until now and ends. */
  async #finish(): Promise<void> {
    const followed = this.#logs;
    this.#ended.abort();
    if (followed === undefined) return;
    const { client, attachTo, lines } = this.#options;
    const wanted = { services: attachTo, after: await followed, follow: false, splitStreams: true };
    await streamLogs(client, { ...wanted, exits: true }, lines, this.#context.output, this.#context.signal);
  }
}

function engineNotice(event: Extract<SupervisorEvent, { type: 'engine' }>): string {
  return event.reachable
    ? 'The Docker Engine is back.\n'
    : `The Docker Engine does not answer (${event.reason ?? 'no reason given'}); Wasm services go on, waiting for it.\n`;
}
