import type { ExecRequest } from '../control/session-protocol.ts';
import { WcError } from '../model/diagnostic.ts';
import type { ObservedInstance } from '../model/state.ts';

/** The instance that is asked for, if it runs; without a number the first that does. */
export function chooseInstance(
  { service, index }: Pick<ExecRequest, 'service' | 'index'>,
  instances: readonly ObservedInstance[],
): ObservedInstance {
  const all = instances.filter((instance) => instance.service === service);
  const wanted = index === undefined ? all : all.filter((instance) => instance.index === index);
  const found = wanted.find((instance) => instance.state.at === 'running');
  if (found !== undefined) return found;
  if (index !== undefined && wanted.length === 0 && all.length > 0) {
    throw new WcError('ERR_NO_SUCH_SERVICE', `service ${service} has no instance number ${index}`, {
      hint: `it has: ${all.map((instance) => instance.index).join(', ')}`,
    });
  }
  throw new WcError('ERR_NO_SUCH_SERVICE', `service ${service} is not running`, {
    hint: wanted.length === 0 ? `start it with: wcompose up -d ${service}` : `start it with: wcompose start ${service}`,
  });
}
