import { isIP } from 'node:net';

import { type ComponentGuest, err, type HostInterface, ok, resource, type Result } from './interface.ts';
import type { Pollable } from './pollable.ts';
import { type IpAddress, toIpAddress } from './socket-addresses.ts';
import { TCP } from './tcp.ts';
import { UDP } from './udp.ts';

/** `resolve-address-stream`: the addresses of a name, which the fabric knows. */
class Lookup implements Pollable {
  #addresses: string[] | undefined;
  #isKnown = false;

  constructor(guest: ComponentGuest, name: string) {
    if (isIP(name) > 0) {
      this.#settle([name]);
      return;
    }
    const settle = (addresses: readonly string[]): void => {
      this.#settle(addresses);
      guest.waiters.wake();
    };
    guest.network.uplink.resolve(name).then(settle, () => settle([]));
  }

  isReady(): boolean {
    return this.#addresses !== undefined;
  }

  next(): Result<IpAddress | undefined, string> {
    if (this.#addresses === undefined) return err('would-block');
    if (!this.#isKnown) return err('name-unresolvable');
    const address = this.#addresses.shift();
    return ok(address === undefined ? undefined : toIpAddress(address));
  }

  #settle(addresses: readonly string[]): void {
    this.#addresses = [...addresses];
    this.#isKnown = addresses.length > 0;
  }
}

/** The one network that a guest has. */
const NETWORK = {};

/** `wasi:sockets`: every connection goes by the policy of the project's networks. */
export const SOCKETS: Readonly<Record<string, HostInterface>> = {
  'wasi:sockets/network': { resources: { network: resource('network') }, functions: {} },
  'wasi:sockets/instance-network': { functions: { 'instance-network': () => NETWORK } },
  'wasi:sockets/ip-name-lookup': {
    resources: { 'resolve-address-stream': resource('resolve-address-stream') },
    functions: {
      'resolve-addresses': (guest: ComponentGuest, _network: unknown, name: string) =>
        name === '' ? err('invalid-argument') : ok(new Lookup(guest, name)),
      '[method]resolve-address-stream.resolve-next-address': (_g: ComponentGuest, lookup: Lookup) => lookup.next(),
      '[method]resolve-address-stream.subscribe': (_g: ComponentGuest, lookup: Lookup): Pollable => ({
        isReady: () => lookup.isReady(),
      }),
    },
  },
  ...TCP,
  ...UDP,
};
