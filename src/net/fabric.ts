import type { InstanceId } from '../model/ids.ts';
import type { WasmService } from '../model/project.ts';

/**
 * One network for both kinds of service, seen from a Wasm instance: names, walls and doors.
 * The worker that runs the guest owns every data socket; the fabric only says where to listen,
 * what a name means and which connections are allowed.
 */
export interface Fabric extends AsyncDisposable {
  /** Joins an instance to the networks of its service. Its relay container, where one is needed, runs when this resolves. */
  attach(id: InstanceId, service: WasmService, signal: AbortSignal): Promise<Attachment>;
  /** Leaves all networks; removes the relay. Detaching what is not attached is a no-op. */
  detach(id: InstanceId, signal: AbortSignal): Promise<void>;
  /** IPv4 addresses of a name as the instance may see it; empty when there is no such name for it. */
  resolve(id: InstanceId, name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** May the instance connect to this address, and through which socket? Checked on the resolved address. */
  authorize(id: InstanceId, address: string, port: number, signal: AbortSignal): Promise<ConnectVerdict>;
  /** May the instance send datagrams to this address, and by which way? The same rule as for connections. */
  authorizeDatagram(id: InstanceId, address: string, port: number, signal: AbortSignal): Promise<DatagramVerdict>;
  /** Where the instance takes what other instances send to its UDP port; undefined: nowhere any more. */
  setDatagramDoor(id: InstanceId, port: number, door: DatagramDoor | undefined): void;
  /** The guest accepts connections on a port from now on (`listening`) or no longer: containers see refused connections then. */
  setListening(id: InstanceId, port: number, listening: boolean, signal: AbortSignal): Promise<void>;
}

export interface Attachment {
  /** The worker listens on `<socketDir>/<port>` for each port its guest listens on; 0700, short enough for a socket path. */
  readonly socketDir: string;
  /** Host sockets the worker listens on in addition, when the guest listens on `target`. */
  readonly published: readonly PublishedListener[];
  /** The instance's own stable address in the fabric. */
  readonly address: string;
  readonly hostname: string;
  /** Text of the guest's /etc/hosts. */
  readonly hostsFile: string;
}

export interface PublishedListener {
  readonly protocol: 'tcp' | 'udp';
  /** Empty: all interfaces, IPv4 and IPv6. */
  readonly hostIp: string;
  /** 0: any free port. */
  readonly published: number;
  readonly target: number;
}

/**
 * Every connection on a fabric unix socket begins with one line: `<peer address> <peer port>\n`,
 * written by whoever connects (a relay, or another Wasm instance's worker).
 */
export type ConnectVerdict =
  | { readonly to: 'tcp'; readonly host: string; readonly port: number }
  /** A Wasm instance, or a connection that is open already: connect to this unix socket and write `hello` first. */
  | { readonly to: 'unix'; readonly path: string; readonly hello: string }
  | Refusal;

/** `reason` is for the service's log: from, to and which rule. */
export interface Refusal {
  readonly to: 'refused';
  readonly errno: 'EACCES' | 'ECONNREFUSED' | 'EHOSTUNREACH' | 'ENETUNREACH' | 'ETIMEDOUT';
  readonly reason: string;
}

export type DatagramVerdict =
  | { readonly to: 'udp'; readonly host: string; readonly port: number }
  /** Another Wasm instance. */
  | { readonly to: 'door'; readonly door: DatagramDoor }
  | Refusal;

/**
 * A UDP port of an instance as other instances reach it: a port of this machine's loopback. Whatever comes there
 * counts only when it begins with the key, since every process of this machine can send to it.
 */
export interface DatagramDoor {
  readonly port: number;
  /** 16 bytes in hexadecimal. */
  readonly key: string;
}
