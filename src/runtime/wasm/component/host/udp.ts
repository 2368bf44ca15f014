import { ANY, type Endpoint } from '../../net/address.ts';
import { DatagramSocket } from '../../net/datagram.ts';
import { Fdflags } from '../../wasi/descriptor.ts';
import { Errno, errnoOf } from '../../wasi/errno.ts';
import { GuestBuffers } from '../../wasi/guest-memory.ts';
import { type ComponentGuest, err, type HostInterface, ok, OK, resource, type Result } from './interface.ts';
import { type Pollable, READY } from './pollable.ts';
import { type Family, fromEndpoint, type SocketAddress, socketError, toEndpoint } from './socket-addresses.ts';

type Done = Result<undefined, string>;

/** Datagrams that are taken at once. */
const SEND_LIMIT = 64;
/** The largest that UDP carries. */
const DATAGRAM_LIMIT = 65_507;

interface Datagram {
  readonly data: Uint8Array;
  readonly remoteAddress: SocketAddress | undefined;
}

/** `udp-socket`: the sockets of preview1, which never wait. */
class UdpSocket {
  readonly family: Family;
  readonly options = new Map<string, unknown>(Object.entries(DEFAULTS));
  readonly #guest: ComponentGuest;
  readonly #socket: DatagramSocket;
  readonly #fd: number;
  #peer: Endpoint | undefined;
  #isBound = false;
  /** Of a bind that was begun; its errno, when that is known. */
  #binding: { errno: number | undefined } | undefined;

  /** Throws MFILE. */
  constructor(guest: ComponentGuest, family: Family) {
    this.family = family;
    this.#guest = guest;
    this.#socket = new DatagramSocket(guest.network, ANY);
    this.#socket.fdflags = Fdflags.NONBLOCK;
    this.#fd = guest.table.add(this.#socket);
  }

  startBind(address: SocketAddress): Done {
    const { network, waiters } = this.#guest;
    if (this.#isBound || this.#binding !== undefined) return err('invalid-state');
    if (address.tag !== this.family) return err('invalid-argument');
    const wanted = toEndpoint(address);
    if (!network.isOwn(wanted.address)) return err('address-not-bindable');
    const binding: { errno: number | undefined } = { errno: undefined };
    this.#binding = binding;
    const settle = (errno: number): void => {
      binding.errno = errno;
      waiters.wake();
    };
    const port = wanted.port === 0 ? network.datagrams.ephemeralPort() : wanted.port;
    this.#socket.bind({ ...wanted, port }).then(settle, (error: unknown) => settle(errnoOf(error)));
    return OK;
  }

  finishBind(): Done {
    const binding = this.#binding;
    if (binding === undefined) return err('not-in-progress');
    if (binding.errno === undefined) return err('would-block');
    this.#binding = undefined;
    if (binding.errno !== Errno.SUCCESS) return err(socketError(binding.errno));
    this.#isBound = true;
    return OK;
  }

  /** Nothing of it is under way. */
  isReady(): boolean {
    return this.#binding === undefined || this.#binding.errno !== undefined;
  }

  /** With a peer it sends to that one alone. */
  streams(remote: SocketAddress | undefined): Result<readonly [UdpSocket, UdpSocket], string> {
    if (!this.#isBound) return err('invalid-state');
    this.#peer = remote === undefined ? undefined : toEndpoint(remote);
    if (this.#peer !== undefined) this.#socket.connect(this.#peer);
    // Both ends are the socket; they are dropped before it.
    return ok([this, this]);
  }

  receive(limit: bigint): Result<readonly Datagram[], string> {
    const received: Datagram[] = [];
    while (received.length < limit && this.isReadable()) {
      const bytes = new Uint8Array(DATAGRAM_LIMIT);
      const n = this.#socket.read(GuestBuffers.over(bytes));
      if (typeof n !== 'number' || n === 0) break;
      if (n < 0) return received.length > 0 ? ok(received) : err(socketError(-n));
      const remoteAddress = fromEndpoint(this.#socket.sender ?? ANY, this.family);
      received.push({ data: bytes.slice(0, n), remoteAddress });
    }
    return ok(received);
  }

  isReadable(): boolean {
    return this.#socket.readiness().readable >= 0;
  }

  send(datagrams: readonly Datagram[]): Result<bigint, string> {
    let sent = 0n;
    for (const { data, remoteAddress } of datagrams) {
      const peer = remoteAddress === undefined ? this.#peer : toEndpoint(remoteAddress);
      if (peer === undefined) return sent > 0n ? ok(sent) : err('invalid-argument');
      const n = this.#socket.sendTo(GuestBuffers.over(Uint8Array.from(data)), peer);
      // Whether it may go there is not known yet: as with any datagram, nobody is told when it does not arrive.
      if (typeof n === 'number' && n < 0) return sent > 0n ? ok(sent) : err(socketError(-n));
      sent++;
    }
    return ok(sent);
  }

  local(): Result<SocketAddress, string> {
    return !this.#isBound ? err('invalid-state') : ok(fromEndpoint(this.#socket.local, this.family));
  }

  remote(): Result<SocketAddress, string> {
    return this.#peer === undefined ? err('invalid-state') : ok(fromEndpoint(this.#peer, this.family));
  }

  close(): void {
    this.#guest.table.close(this.#fd);
  }
}

const DEFAULTS = { 'unicast-hop-limit': 64, 'receive-buffer-size': 212_992n, 'send-buffer-size': 212_992n } as const;

function options(): HostInterface['functions'] {
  const rows = Object.keys(DEFAULTS).flatMap((name) => [
    [`[method]udp-socket.${name}`, (_g: ComponentGuest, socket: UdpSocket) => ok(socket.options.get(name))],
    [
      `[method]udp-socket.set-${name}`,
      (_g: ComponentGuest, socket: UdpSocket, value: unknown) => {
        if (value === 0 || value === 0n) return err('invalid-argument');
        socket.options.set(name, value);
        return OK;
      },
    ],
  ]);
  return Object.fromEntries(rows) as HostInterface['functions'];
}

export const UDP: Readonly<Record<string, HostInterface>> = {
  'wasi:sockets/udp': {
    resources: {
      'udp-socket': { ...resource('udp-socket'), drop: (rep) => (rep as UdpSocket).close() },
      'incoming-datagram-stream': resource('incoming-datagram-stream'),
      'outgoing-datagram-stream': resource('outgoing-datagram-stream'),
    },
    functions: {
      '[method]udp-socket.start-bind': (_g: ComponentGuest, socket: UdpSocket, _n: unknown, address: SocketAddress) =>
        socket.startBind(address),
      '[method]udp-socket.finish-bind': (_g: ComponentGuest, socket: UdpSocket) => socket.finishBind(),
      '[method]udp-socket.stream': (_g: ComponentGuest, socket: UdpSocket, remote: SocketAddress | undefined) =>
        socket.streams(remote),
      '[method]udp-socket.local-address': (_g: ComponentGuest, socket: UdpSocket) => socket.local(),
      '[method]udp-socket.remote-address': (_g: ComponentGuest, socket: UdpSocket) => socket.remote(),
      '[method]udp-socket.address-family': (_g: ComponentGuest, socket: UdpSocket) => socket.family,
      '[method]udp-socket.subscribe': (_g: ComponentGuest, socket: UdpSocket): Pollable => ({
        isReady: () => socket.isReady(),
      }),
      '[method]incoming-datagram-stream.receive': (_g: ComponentGuest, socket: UdpSocket, limit: bigint) =>
        socket.receive(limit),
      '[method]incoming-datagram-stream.subscribe': (_g: ComponentGuest, socket: UdpSocket): Pollable => ({
        isReady: () => socket.isReadable(),
      }),
      '[method]outgoing-datagram-stream.check-send': () => ok(BigInt(SEND_LIMIT)),
      '[method]outgoing-datagram-stream.send': (
        _g: ComponentGuest,
        socket: UdpSocket,
        datagrams: readonly Datagram[],
      ) => socket.send(datagrams),
      '[method]outgoing-datagram-stream.subscribe': (): Pollable => READY,
      ...options(),
    },
  },
  'wasi:sockets/udp-create-socket': {
    functions: {
      'create-udp-socket': (guest: ComponentGuest, family: Family) => {
        try {
          return ok(new UdpSocket(guest, family));
        } catch {
          // MFILE
          return err('new-socket-limit');
        }
      },
    },
  },
};
