import type { LogSink } from '../../logs/record.ts';
import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import type { ExitStatus } from '../../model/state.ts';
import type { PublishedListener } from '../../net/fabric.ts';
import { GuestStartError } from './guest-run.ts';
import type { StartFailure } from './messages.ts';

/** A trap's message and backtrace, in the instance's log. */
export function reportTrap(exit: ExitStatus, logs: LogSink): void {
  if (exit.how !== 'trap') return;
  logs.flush();
  logs.system(`trap: ${exit.message}`);
  for (const frame of exit.backtrace) logs.system(`    in ${frame}`);
}

/** Why an instance could not be started, in the words of its service. */
export function startError(error: unknown, service: WasmService): Error {
  if (!(error instanceof GuestStartError)) return error instanceof Error ? error : new Error(String(error));
  const { failure } = error;
  switch (failure.why) {
    case 'port':
      return portError(service, failure.listener, failure.code);
    case 'connection':
      return connectionError(service, failure);
    case 'service':
      return new WcError(failure.code, `${service.name}: ${failure.message}`, {
        source: service.source,
        hint: failure.hint,
      });
    case 'host':
      return new WcError('ERR_INTERNAL', `${service.name}: ${failure.message}`, { cause: failure.stack });
  }
}

/** Somebody stopped the instance while it was being started. */
export function stoppedEarly(service: WasmService): WcError {
  return new WcError('ERR_DEPENDENCY_FAILED', `${service.name} was stopped before it ran`, { source: service.source });
}

function connectionError(
  service: WasmService,
  { host, port, message }: Extract<StartFailure, { why: 'connection' }>,
): WcError {
  const spec = service.connect?.find((one) => one.host === host && one.port === port);
  const condition = service.dependsOn.find((dependency) => dependency.service === host)?.condition;
  const hint =
    condition === undefined || condition === 'healthy'
      ? undefined
      : `where ${host} needs longer to begin: depends_on: {${host}: {condition: service_healthy}}, and a healthcheck for it`;
  return new WcError('ERR_DEPENDENCY_FAILED', `${service.name}: cannot connect to ${host}:${port}: ${message}`, {
    source: spec?.source ?? service.source,
    hint,
  });
}

function portError(service: WasmService, listener: PublishedListener, code: string): WcError {
  const { hostIp, published, target } = listener;
  const where = `${hostIp === '' ? '0.0.0.0' : hostIp}:${published}`;
  const spec =
    service.ports.find((port) => port.target === target && port.published === published) ??
    service.ports.find((port) => port.target === target);
  const { why, hint } = PORT_PROBLEMS[code] ?? { why: code, hint: undefined };
  return new WcError('ERR_PORT_IN_USE', `${service.name}: cannot publish port ${target} on ${where}: ${why}`, {
    source: spec?.source ?? service.source,
    hint,
  });
}

const PORT_PROBLEMS: Readonly<Record<string, { readonly why: string; readonly hint: string | undefined }>> = {
  EADDRINUSE: { why: 'the port is already in use', hint: 'stop what listens there, or publish another port' },
  EACCES: { why: 'permission denied', hint: 'ports below 1024 need privileges: publish a higher one' },
  EADDRNOTAVAIL: { why: 'this machine has no such address', hint: undefined },
};
