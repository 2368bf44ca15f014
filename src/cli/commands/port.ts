import { WcError } from '../../model/diagnostic.ts';
import type { ObservedInstance } from '../../model/state.ts';
import { currentListing } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface PortOptions {
  readonly protocol: 'tcp' | 'udp';
  readonly index?: number;
}

/** Where a port of a service is reached on the host. */
export async function port(
  service: string,
  target: number,
  options: PortOptions,
  context: CommandContext,
): Promise<ExitStatusCode> {
  const { output, signal } = context;
  const { instances } = await currentListing(await context.projectName(), signal);
  output.out(`${publishedAt(instances, service, target, options)}\n`);
  return EXIT_OK;
}

export function publishedAt(
  instances: readonly ObservedInstance[],
  service: string,
  target: number,
  { protocol, index }: PortOptions,
): string {
  const all = instances.filter((instance) => instance.service === service && instance.state.at === 'running');
  const instance = index === undefined ? all[0] : all.find((one) => one.index === index);
  if (instance === undefined) {
    const which = index === undefined ? `service ${service}` : `instance ${index} of service ${service}`;
    throw new WcError('ERR_NO_SUCH_SERVICE', `${which} is not running`);
  }
  const published = instance.ports.filter((one) => one.published > 0);
  const wanted = published.find((one) => one.target === target && one.protocol === protocol);
  if (wanted === undefined) {
    const list = [...new Set(published.map((one) => `${one.target}/${one.protocol}`))].join(', ');
    throw new WcError('ERR_USAGE', `${instance.name} does not publish port ${target}/${protocol}`, {
      hint: list === '' ? 'it publishes none' : `it publishes ${list}`,
    });
  }
  const host = wanted.hostIp.includes(':') ? `[${wanted.hostIp}]` : wanted.hostIp || '0.0.0.0';
  return `${host}:${wanted.published}`;
}
