import type { AttachRequest } from '../control/session-protocol.ts';
import type { Session } from '../control/session-server.ts';
import type { LogHub } from '../logs/hub.ts';
import { WcError } from '../model/diagnostic.ts';
import type { InstanceId, ProjectName } from '../model/ids.ts';
import { exitCode } from '../model/state.ts';
import type { ObservedInstance } from '../model/state.ts';
import { chooseInstance } from './choose-instance.ts';
import type { EngineAccess } from './engine-access.ts';
import type { ProjectSupervisor } from './project-supervisor.ts';
import { traceError } from './trace.ts';
import type { WasmSide } from './wasm-side.ts';

export interface AttachParts {
  readonly name: ProjectName;
  readonly supervisor: ProjectSupervisor;
  readonly engine: EngineAccess;
  readonly wasm: WasmSide;
  readonly hub: LogHub;
  readonly shutdown: AbortSignal;
}

/** Joins a user with an instance that runs; resolves with its exit status, or 0 when the user detached from it. */
export async function attach(parts: AttachParts, request: AttachRequest, session: Session): Promise<number> {
  const signal = AbortSignal.any([parts.shutdown, session.gone]);
  const instance = chooseInstance(request, (await parts.supervisor.list(signal)).instances);
  if (instance.kind === 'wasm') return await attachModule(parts, request, instance, session, signal);
  const engine = await parts.engine.get(signal);
  if (request.signals) {
    session.onSignal((name) => {
      // It may have ended meanwhile.
      engine.actions.kill(instance.handle, name, signal).catch(traceUnexpected);
    });
  }
  const { stdin, detachKeys } = request;
  const started = (tty: boolean): void => session.started(instance.name, tty);
  const options = { stdin, detachKeys, started };
  return (await engine.sessions.attachRunning(instance.handle, options, session, signal)) ?? 0;
}

async function attachModule(
  parts: AttachParts,
  request: AttachRequest,
  { id, name, handle }: ObservedInstance,
  session: Session,
  signal: AbortSignal,
): Promise<number> {
  const { hub, wasm } = parts;
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  // Its events come before its output is read, so that no exit gets lost.
  const events = wasm.runtime.events(parts.name, until);
  const print = printer(hub, id, session, hub.seq);
  if (request.signals) {
    session.onSignal((signalName) => {
      void wasm.runtime.stop(handle, signalName === 'SIGKILL' ? 0 : STOP_MS, signal).catch(traceUnexpected);
    });
  }
  const printing = print(true, until);
  session.started(name);
  if (request.stdin) void feed(wasm, handle, session, until);
  try {
    for await (const event of events) {
      if (event.type === 'exited' && event.id === id) return exitCode(event.exit);
    }
    signal.throwIfAborted();
    return 0;
  } finally {
    ended.abort();
    await printing.catch(traceUnexpected);
    // What it printed last.
    if (!signal.aborted) await print(false, signal);
  }
}

/** Each call goes on where the last one ended. */
function printer(
  hub: LogHub,
  id: InstanceId,
  session: Session,
  from: number,
): (follow: boolean, signal: AbortSignal) => Promise<void> {
  let after = from;
  return async (follow, signal) => {
    for await (const records of hub.read({ services: [], after, follow }, signal)) {
      for (const record of records) {
        after = record.seq;
        if (record.id !== id) continue;
        const stream = record.stream === 'stdout' ? 'stdout' : 'stderr';
        await session.write(stream, Buffer.from(record.partial === true ? record.text : `${record.text}\n`));
      }
    }
  };
}

/** Input of a service without `stdin_open` goes nowhere, as that of a container. */
async function feed(wasm: WasmSide, handle: string, session: Session, signal: AbortSignal): Promise<void> {
  try {
    const input = wasm.runtime.openInput(handle);
    for await (const chunk of session.input) await input.write(chunk as Uint8Array, signal);
    if (!signal.aborted && !session.gone.aborted) input.end();
  } catch (error) {
    traceUnexpected(error);
  }
}

/** ERR_USAGE, AbortError, ERR_ENGINE_REFUSED: it has ended, or has no input. */
function traceUnexpected(error: unknown): void {
  if (!(error instanceof WcError) && (error as Error).name !== 'AbortError') traceError(error);
}

const STOP_MS = 10_000;
