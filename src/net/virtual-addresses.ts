import { createHash } from 'node:crypto';

import type { InstanceId, ProjectName } from '../model/ids.ts';
import { formatIpv4, inSubnet } from './ipv4.ts';
import type { Subnet } from './ipv4.ts';

/** What `host-gateway` means to a Wasm service: the host's loopback, under an address that nothing else has. */
export const HOST_GATEWAY = '198.18.0.1';

/**
 * Addresses of Wasm instances, from the range reserved for tests of networks (RFC 2544), which nobody routes.
 * An instance has the same address every time it is asked, also in the next supervisor.
 */
export class VirtualAddresses {
  readonly #project: ProjectName;
  readonly #given = new Map<InstanceId, number>();
  readonly #taken = new Set<number>();

  constructor(project: ProjectName) {
    this.#project = project;
  }

  of(id: InstanceId): string {
    const given = this.#given.get(id) ?? this.#give(id);
    return formatIpv4(given);
  }

  #give(id: InstanceId): number {
    const hash = createHash('sha256').update(`${this.#project}/${id}`).digest().readUInt32BE(0);
    for (let step = 0; step < SIZE; step++) {
      const address = FIRST + ((hash + step) % SIZE);
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      this.#given.set(id, address);
      return address;
    }
    throw new RangeError('more Wasm instances than addresses');
  }
}

export function isVirtual(address: number): boolean {
  return inSubnet(address, RANGE);
}

/** 198.18.0.0/15 */
const RANGE: Subnet = { base: 0xc6_12_00_00, bits: 15 };
/** The first 256 are for the fabric's own use; the last one looks like a broadcast address. */
const FIRST = RANGE.base + 256;
const SIZE = 131_072 - 256 - 1;
