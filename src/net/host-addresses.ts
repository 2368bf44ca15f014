import { networkInterfaces } from 'node:os';

import { parseIpv4, parseSubnet } from './ipv4.ts';
import type { HostAddresses } from './policy.ts';

/** The host's IPv4 addresses of this moment, and which of its interfaces are bridges of Docker networks. */
export function readHostAddresses(): HostAddresses {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).filter((one) => one.family === 'IPv4').map((one) => ({ name, ...one })),
  );
  return {
    own: new Set(interfaces.map((one) => parseIpv4(one.address)).filter((one) => one !== undefined)),
    bridges: interfaces
      .filter((one) => DOCKER_BRIDGE.test(one.name))
      .flatMap(({ name, cidr }) => {
        const subnet = parseSubnet(cidr ?? '');
        return subnet === undefined ? [] : [{ name, subnet }];
      }),
  };
}

/** The Engine's names, unless a network's `com.docker.network.bridge.name` says otherwise. */
const DOCKER_BRIDGE = /^(?:docker\d+|br-[0-9a-f]{12})$/;
