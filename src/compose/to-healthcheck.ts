import type { Healthcheck } from '../model/project.ts';
import { child, isTrue, itemsOf, numberOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import { durationMs } from './scalar-types.ts';
import { shellWords } from './shell-words.ts';

export type HealthTimes = Omit<Healthcheck, 'probe'>;

export function isDisabled(healthcheck: Node): boolean {
  return isTrue(child(healthcheck, 'disable')) || textOf(itemsOf(child(healthcheck, 'test'))[0]) === 'NONE';
}

export function healthTimes(healthcheck: Node | undefined): HealthTimes {
  const time = (key: string): number | undefined => durationMs(textOf(child(healthcheck, key)) ?? '');
  return {
    intervalMs: time('interval'),
    timeoutMs: time('timeout'),
    startPeriodMs: time('start_period'),
    startIntervalMs: time('start_interval'),
    retries: numberOf(child(healthcheck, 'retries')),
  };
}

/** Undefined where no test is said. */
export function execProbe(healthcheck: Node): Healthcheck['probe'] | undefined {
  const [kind, ...argv] = itemsOf(child(healthcheck, 'test')).flatMap((word) => textOf(word) ?? []);
  if (kind === undefined) return undefined;
  return kind === 'CMD-SHELL' ? { type: 'shell', command: argv.join(' ') } : { type: 'exec', argv };
}

/** `curl -f http://localhost:8080/healthz || exit 1` without curl: the only tests that need nothing but the network. */
export function httpProbe(probe: Healthcheck['probe']): Healthcheck['probe'] | undefined {
  const words = probe.type === 'exec' ? probe.argv : probe.type === 'shell' ? shellProbe(probe.command) : undefined;
  const [program = '', ...rest] = words ?? [];
  if (!/^(?:\/usr)?(?:\/bin\/)?(?:curl|wget)$/.test(program)) return undefined;
  const urls = rest.filter((word) => !word.startsWith('-'));
  const [url, ...others] = urls.filter((word) => URL.canParse(word));
  // A word that is neither a flag nor the URL belongs to a flag that may change what the test means.
  const strays = urls.filter((word) => word !== url && word !== '/dev/null' && word !== '-');
  if (url === undefined || others.length > 0 || strays.length > 0) return undefined;
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (protocol !== 'http:' || !LOCAL.has(hostname)) return undefined;
  return { type: 'http', port: Number(port) || 80, path: `${pathname}${search}` };
}

const LOCAL: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The command without `|| exit 1`; undefined where a shell has more to do than to start it. */
function shellProbe(command: string): readonly string[] | undefined {
  const plain = command.replace(/\s*\|\|\s*exit\s+1\s*$/, '').replace(/\s+>\s*\/dev\/null(?:\s+2>&1)?\s*$/, '');
  return /[|&;<>$`()]/.test(plain) ? undefined : shellWords(plain);
}
