import type { InstanceId } from '../model/ids.ts';
import type { DatagramDoor, DatagramVerdict } from './fabric.ts';
import type { Destination } from './policy.ts';

export interface DatagramSources {
  readonly from: InstanceId;
  readonly port: number;
  /** Where an instance takes datagrams for the port. */
  readonly doorOf: (id: InstanceId) => DatagramDoor | undefined;
  /** Why containers are out of reach of this machine; undefined: they are not. */
  readonly reach: () => Promise<string | undefined>;
}

/**
 * By which way datagrams go to a destination. They are sent from this machine itself: the relays carry connections
 * only.
 */
export async function datagramVerdict(destination: Destination, sources: DatagramSources): Promise<DatagramVerdict> {
  const { from, port, doorOf, reach } = sources;
  switch (destination.to) {
    case 'refused':
      return destination;
    case 'outside':
      return { to: 'udp', host: destination.address, port };
    case 'host':
      return { to: 'udp', host: '127.0.0.1', port };
    case 'network': {
      const { address } = destination;
      const why = await reach();
      if (why === undefined) return { to: 'udp', host: address, port };
      const reason = `${from} cannot send datagrams to ${address} port ${port}: relays carry none, and ${why}`;
      return { to: 'refused', errno: 'ENETUNREACH', reason };
    }
    case 'instance': {
      const door = doorOf(destination.id);
      if (door !== undefined) return { to: 'door', door };
      const reason = `${from} cannot send datagrams to ${destination.id} port ${port}: it has no UDP socket there`;
      return { to: 'refused', errno: 'ECONNREFUSED', reason };
    }
  }
}
