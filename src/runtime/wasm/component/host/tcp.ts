import { ANY, type Endpoint, isAny } from '../../net/address.ts';
import { connectTo } from '../../net/connect.ts';
import { Connection } from '../../net/connection.ts';
import { Listener } from '../../net/listener.ts';
import { type Descriptor, Fdflags } from '../../wasi/descriptor.ts';
import { Errno, errnoOf } from '../../wasi/errno.ts';
import { descriptorSink, descriptorSource } from './descriptor-streams.ts';
import { type ComponentGuest, err, type HostInterface, ok, OK, resource, type Result } from './interface.ts';
import type { Pollable } from './pollable.ts';
import { type Family, fromEndpoint, type SocketAddress, socketError, toEndpoint } from './socket-addresses.ts';
import type { Sink, Source } from './streams.ts';

type Done = Result<undefined, string>;
type Streams = readonly [Source, Sink];

/** What a socket is at; `fd` is its number in the table, from the moment that the system has something of it. */
type State =
  | { readonly at: 'unbound' | 'binding' | 'bound' | 'closed' }
  | { readonly at: 'connecting' | 'connected'; readonly connection: Connection; readonly fd: number }
  /** `errno` is undefined until it is known. */
  | { readonly at: 'opening'; readonly listener: Listener; errno: number | undefined }
  | { readonly at: 'listening'; readonly listener: Listener; readonly fd: number };

/** `shutdown-type` */
const SHUTDOWN: Readonly<Record<string, number>> = { receive: 1, send: 2, both: 3 };

/** `tcp-socket`: the same listeners and connections as those of preview1, which never wait. */
class TcpSocket implements Pollable {
  readonly family: Family;
  readonly options = new Map<string, unknown>(Object.entries(DEFAULTS));
  readonly #guest: ComponentGuest;
  #state: State = { at: 'unbound' };
  #local: Endpoint = ANY;

  constructor(guest: ComponentGuest, family: Family) {
    this.#guest = guest;
    this.family = family;
  }

  get isListening(): boolean {
    return this.#state.at === 'listening';
  }

  isReady(): boolean {
    const state = this.#state;
    if (state.at === 'connecting') return !state.connection.isConnecting;
    if (state.at === 'opening') return state.errno !== undefined;
    return state.at !== 'listening' || state.listener.readiness().readable >= 0;
  }

  startBind(address: SocketAddress): Done {
    const { network } = this.#guest;
    if (this.#state.at !== 'unbound') return err('invalid-state');
    if (address.tag !== this.family) return err('invalid-argument');
    const wanted = toEndpoint(address);
    if (!network.isOwn(wanted.address)) return err('address-not-bindable');
    if (network.isTaken(wanted.port)) return err('address-in-use');
    this.#local = { ...wanted, port: wanted.port === 0 ? network.ephemeralPort() : wanted.port };
    this.#state = { at: 'binding' };
    return OK;
  }

  finishBind(): Done {
    if (this.#state.at !== 'binding') return err('not-in-progress');
    this.#state = { at: 'bound' };
    return OK;
  }

  startConnect(address: SocketAddress): Done {
    if (this.#state.at !== 'unbound' && this.#state.at !== 'bound') return err('invalid-state');
    const peer = toEndpoint(address);
    if (address.tag !== this.family || peer.port === 0 || isAny(peer.address)) return err('invalid-argument');
    const connection = connectTo(this.#guest.network, peer, Fdflags.NONBLOCK);
    const fd = this.#register(connection);
    if (fd === undefined) return err('new-socket-limit');
    this.#state = { at: 'connecting', connection, fd };
    return OK;
  }

  finishConnect(): Result<Streams, string> {
    const state = this.#state;
    if (state.at !== 'connecting') return err('not-in-progress');
    if (state.connection.isConnecting) return err('would-block');
    const errno = state.connection.takeError();
    if (errno !== Errno.SUCCESS) {
      this.#guest.table.close(state.fd);
      this.#state = { at: 'closed' };
      return err(socketError(errno));
    }
    return ok(this.#connect(state.connection, state.fd));
  }

  startListen(): Done {
    if (this.#state.at !== 'bound') return err('invalid-state');
    const { network, waiters } = this.#guest;
    const listener = new Listener(waiters, this.#local, Fdflags.NONBLOCK);
    const state: State = { at: 'opening', listener, errno: undefined };
    this.#state = state;
    const settle = (errno: number): void => {
      state.errno = errno;
      // It was dropped meanwhile.
      if (this.#state.at === 'closed') listener.close();
      waiters.wake();
    };
    network.listen(listener).then(settle, (error: unknown) => settle(errnoOf(error)));
    return OK;
  }

  finishListen(): Done {
    const state = this.#state;
    if (state.at !== 'opening') return err('not-in-progress');
    if (state.errno === undefined) return err('would-block');
    if (state.errno !== Errno.SUCCESS) {
      this.#state = { at: 'closed' };
      return err(socketError(state.errno));
    }
    const fd = this.#register(state.listener);
    if (fd === undefined) {
      this.#state = { at: 'closed' };
      return err('new-socket-limit');
    }
    this.#state = { at: 'listening', listener: state.listener, fd };
    return OK;
  }

  accept(): Result<readonly [TcpSocket, Source, Sink], string> {
    const state = this.#state;
    if (state.at !== 'listening') return err('invalid-state');
    const connection = state.listener.accept(Fdflags.NONBLOCK);
    if (!(connection instanceof Connection)) return err('would-block');
    const accepted = new TcpSocket(this.#guest, this.family);
    const fd = this.#register(connection);
    if (fd === undefined) return err('new-socket-limit');
    return ok([accepted, ...accepted.#connect(connection, fd)]);
  }

  local(): Result<SocketAddress, string> {
    const state = this.#state;
    if (state.at === 'connecting' || state.at === 'connected') {
      return ok(fromEndpoint(state.connection.local, this.family));
    }
    return state.at === 'unbound' || state.at === 'closed'
      ? err('invalid-state')
      : ok(fromEndpoint(this.#local, this.family));
  }

  remote(): Result<SocketAddress, string> {
    if (this.#state.at !== 'connected') return err('invalid-state');
    return ok(fromEndpoint(this.#state.connection.peer, this.family));
  }

  shutdown(how: string): Done {
    if (this.#state.at !== 'connected') return err('invalid-state');
    const errno = this.#state.connection.shutdown(SHUTDOWN[how] ?? 0);
    return errno === Errno.SUCCESS ? OK : err(socketError(errno));
  }

  drop(): void {
    const state = this.#state;
    this.#state = { at: 'closed' };
    if ('fd' in state) this.#guest.table.close(state.fd);
    else if (state.at === 'opening' && state.errno === Errno.SUCCESS) state.listener.close();
  }

  #connect(connection: Connection, fd: number): Streams {
    this.#state = { at: 'connected', connection, fd };
    const sink = descriptorSink(connection, () => connection.isSending);
    // Who drops its output has nothing more to say.
    return [descriptorSource(connection), { ...sink, drop: () => void connection.shutdown(SHUTDOWN['send'] ?? 0) }];
  }

  /** Undefined: there are too many open; the descriptor is closed then. */
  #register(descriptor: Descriptor): number | undefined {
    try {
      return this.#guest.table.add(descriptor);
    } catch {
      // MFILE
      descriptor.close();
      return undefined;
    }
  }
}

/** What the system has for options that are remembered and told, but cannot be changed from here. */
const DEFAULTS = {
  'keep-alive-enabled': false,
  'keep-alive-idle-time': 7_200_000_000_000n,
  'keep-alive-interval': 75_000_000_000n,
  'keep-alive-count': 9,
  'hop-limit': 64,
  'receive-buffer-size': 262_144n,
  'send-buffer-size': 262_144n,
} as const;

function options(): HostInterface['functions'] {
  const rows = Object.keys(DEFAULTS).flatMap((name) => [
    [`[method]tcp-socket.${name}`, (_g: ComponentGuest, socket: TcpSocket) => ok(socket.options.get(name))],
    [
      `[method]tcp-socket.set-${name}`,
      (_g: ComponentGuest, socket: TcpSocket, value: unknown) => set(socket, name, value),
    ],
  ]);
  return Object.fromEntries(rows) as HostInterface['functions'];
}

function set(socket: TcpSocket, name: string, value: unknown): Done {
  if (value === 0 || value === 0n) return err('invalid-argument');
  socket.options.set(name, value);
  return OK;
}

export const TCP: Readonly<Record<string, HostInterface>> = {
  'wasi:sockets/tcp': {
    resources: { 'tcp-socket': resource('tcp-socket') },
    functions: {
      '[method]tcp-socket.start-bind': (_g: ComponentGuest, socket: TcpSocket, _n: unknown, address: SocketAddress) =>
        socket.startBind(address),
      '[method]tcp-socket.finish-bind': (_g: ComponentGuest, socket: TcpSocket) => socket.finishBind(),
      '[method]tcp-socket.start-connect': (
        _g: ComponentGuest,
        socket: TcpSocket,
        _n: unknown,
        address: SocketAddress,
      ) => socket.startConnect(address),
      '[method]tcp-socket.finish-connect': (_g: ComponentGuest, socket: TcpSocket) => socket.finishConnect(),
      '[method]tcp-socket.start-listen': (_g: ComponentGuest, socket: TcpSocket) => socket.startListen(),
      '[method]tcp-socket.finish-listen': (_g: ComponentGuest, socket: TcpSocket) => socket.finishListen(),
      '[method]tcp-socket.accept': (_g: ComponentGuest, socket: TcpSocket) => socket.accept(),
      '[method]tcp-socket.local-address': (_g: ComponentGuest, socket: TcpSocket) => socket.local(),
      '[method]tcp-socket.remote-address': (_g: ComponentGuest, socket: TcpSocket) => socket.remote(),
      '[method]tcp-socket.is-listening': (_g: ComponentGuest, socket: TcpSocket) => socket.isListening,
      '[method]tcp-socket.address-family': (_g: ComponentGuest, socket: TcpSocket) => socket.family,
      // The fabric has a backlog of its own.
      '[method]tcp-socket.set-listen-backlog-size': (_g: ComponentGuest, _s: TcpSocket, size: bigint) =>
        size === 0n ? err('invalid-argument') : OK,
      '[method]tcp-socket.subscribe': (_g: ComponentGuest, socket: TcpSocket): Pollable => ({
        isReady: () => socket.isReady(),
      }),
      '[method]tcp-socket.shutdown': (_g: ComponentGuest, socket: TcpSocket, how: string) => socket.shutdown(how),
      ...options(),
    },
  },
  'wasi:sockets/tcp-create-socket': {
    functions: {
      'create-tcp-socket': (guest: ComponentGuest, family: Family) => ok(new TcpSocket(guest, family)),
    },
  },
};
