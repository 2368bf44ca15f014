import { createHash } from 'node:crypto';

import type { Node } from './node.ts';
import { child, withKeys } from './node.ts';
import { printable } from './printable.ts';
import { SERVICE } from './service-attributes.ts';

/** Changes where a service would have to be made anew: how many there are, and in which order, does not count. */
export function serviceHash(service: Node): string {
  if (service.kind !== 'map') return '';
  const deploy = child(service, 'deploy');
  const counted = withKeys(service, {
    build: undefined,
    pull_policy: undefined,
    scale: undefined,
    depends_on: undefined,
    profiles: undefined,
    deploy: deploy?.kind === 'map' ? withKeys(deploy, { replicas: undefined }) : deploy,
  });
  return createHash('sha256')
    .update(JSON.stringify(printable(counted, SERVICE, { full: true })))
    .digest('hex');
}
