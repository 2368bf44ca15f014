import { type ErrorDetails, WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';

/** Throws for what a Wasm service asks for and this driver does not do, before anything of it is made. */
export function checkService(service: WasmService): void {
  // The API that suspends a guest in a call; older versions of Node do not have it.
  if (!('Suspending' in WebAssembly)) {
    throw new WcError('ERR_NODE_TOO_OLD', `Node ${process.version} cannot run Wasm services`, {
      hint: 'use Node 24.12 or newer',
    });
  }
  if (service.interface === 'cgi' && service.engine === 'wasmer') {
    throw unsupported(service, 'interface cgi with engine wasmer');
  }
  if (service.interface === 'cgi' && service.isolation === 'process') {
    throw unsupported(service, 'interface cgi with isolation process', {
      hint: 'its requests have threads of their own',
    });
  }
  checkHealthcheck(service);
}

function checkHealthcheck(service: WasmService): void {
  const type = service.healthcheck?.probe.type;
  if (type !== 'exec' && type !== 'shell' && type !== 'image') return;
  const hint = 'give it `x-wasm.healthcheck: {http: {port: 8080, path: /healthz}}` or `{tcp: {port: 8080}}`';
  throw unsupported(service, 'a healthcheck that runs a command', { hint });
}

function unsupported(service: WasmService, what: string, details: ErrorDetails = {}): WcError {
  return new WcError('ERR_COMPOSE_UNSUPPORTED', `${service.name}: ${what} of a Wasm service: not supported`, {
    source: service.source,
    ...details,
  });
}
