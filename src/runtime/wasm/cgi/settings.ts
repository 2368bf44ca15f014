import path from 'node:path';

import type { CgiOptions, WasmService } from '../../../model/project.ts';
import type { CgiSettings } from './messages.ts';

/** Where other services look for a server that names no port. */
const DEFAULT_PORT = 80;

const DEFAULTS = { concurrency: 64, queue: 256, timeoutMs: 60_000, bodyLimitBytes: 1 << 30 } as const;

/** How the service answers requests; `ports` are the TCP ports that the compose file names. */
export function cgiSettings(service: WasmService, ports: readonly number[], hostname: string): CgiSettings {
  const { cgi } = service;
  const script = cgi?.script;
  const root = cgi?.root ?? (script === undefined ? undefined : path.posix.dirname(script));
  return {
    ports: ports.length > 0 ? ports : [DEFAULT_PORT],
    site: {
      hostname,
      root: root?.replace(/\/+$/, ''),
      script: script === undefined || root === undefined ? undefined : `/${path.posix.relative(root, script)}`,
      names: new Set(Object.entries(service.environment).flatMap(([name, value]) => (value === null ? [] : [name]))),
    },
    ...limits(cgi),
  };
}

function limits(cgi: CgiOptions = {}): Omit<CgiSettings, 'ports' | 'site'> {
  return {
    concurrency: cgi.concurrency ?? DEFAULTS.concurrency,
    queue: cgi.queue ?? DEFAULTS.queue,
    timeoutMs: cgi.timeoutMs ?? DEFAULTS.timeoutMs,
    bodyLimitBytes: cgi.bodyLimitBytes ?? DEFAULTS.bodyLimitBytes,
  };
}
