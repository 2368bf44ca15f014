import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ConnectVerdict, DatagramDoor, DatagramVerdict } from '../../../../src/net/fabric.ts';
import { socketFunctions } from '../../../../src/runtime/wasm/net/functions.ts';
import { Network } from '../../../../src/runtime/wasm/net/network.ts';
import { WasiHost } from '../../../../src/runtime/wasm/wasi/host.ts';
import { assemble, op } from '../wasi/assembler.ts';

/** Functions that the guest of these tests imports: a name, and its number of parameters. */
const IMPORTS = [
  ['sock_open', 3],
  ['sock_bind', 3],
  ['sock_listen', 2],
  ['sock_connect', 3],
  ['sock_accept', 2],
  ['sock_accept', 3],
  ['sock_accept', 5],
  ['sock_recv', 6],
  ['sock_send', 5],
  ['sock_recv_from', 7],
  ['sock_recv_from', 8],
  ['sock_send_to', 7],
  ['sock_shutdown', 2],
  ['sock_getlocaladdr', 3],
  ['sock_getlocaladdr', 4],
  ['sock_getpeeraddr', 3],
  ['sock_getpeeraddr', 4],
  ['sock_getsockopt', 5],
  ['sock_setsockopt', 5],
  ['sock_getaddrinfo', 8],
  ['sock_open_v2', 3],
  ['fd_fdstat_set_flags', 2],
  ['fd_close', 1],
  ['poll_oneoff', 4],
] as const;

export type CallName = (typeof IMPORTS)[number][0];

/** Where tests put what they pass: results, an iovec, an address_t and its buffer, and data. */
export const AT = { result: 0x100, result2: 0x108, iovec: 0x200, address: 0x300, ip: 0x400, data: 0x1000 } as const;
const DATA_SIZE = 0x10_0000;

/** A guest with sockets that a test drives from JavaScript, on a network of its own. */
export class SocketGuest implements AsyncDisposable {
  readonly host: WasiHost;
  readonly network: Network;
  readonly dir: string;
  readonly log: string[] = [];
  /** `1.2.3.4:80` -> where the connection goes. */
  readonly verdicts = new Map<string, ConnectVerdict>();
  readonly datagramVerdicts = new Map<string, DatagramVerdict>();
  /** UDP port -> where it takes datagrams of other instances. */
  readonly doors = new Map<number, DatagramDoor>();
  readonly names = new Map<string, readonly string[]>();
  /** `+80`, `-80`; with `lo` before it for what is private. */
  readonly listening: string[] = [];
  owed = 0;
  readonly #exports: WebAssembly.Exports;
  readonly #servers: Server[] = [];

  private constructor(dir: string, module: WebAssembly.Module) {
    this.dir = dir;
    let network: Network | undefined;
    this.host = new WasiHost({
      args: [],
      env: [],
      mounts: [],
      stdout: () => undefined,
      stderr: () => undefined,
      functions: (guest) => {
        network = new Network({
          socketDir: dir,
          address: '10.9.0.2',
          waiters: guest.waiters,
          onOwed: (owed) => {
            this.owed = owed;
          },
          uplink: {
            authorize: async (address, port) =>
              this.verdicts.get(`${address}:${port}`) ?? { to: 'refused', errno: 'EHOSTUNREACH', reason: 'no rule' },
            authorizeDatagram: async (address, port) =>
              this.datagramVerdicts.get(`${address}:${port}`) ?? {
                to: 'refused',
                errno: 'EHOSTUNREACH',
                reason: 'no rule',
              },
            datagrams: (port, door) => {
              if (door === undefined) this.doors.delete(port);
              else this.doors.set(port, door);
            },
            resolve: async (name) => this.names.get(name) ?? [],
            listening: (port, isPrivate, listening) =>
              this.listening.push(`${isPrivate ? 'lo' : ''}${listening ? '+' : '-'}${port}`),
            log: (text) => this.log.push(text),
          },
        });
        return socketFunctions(guest, network);
      },
    });
    if (network === undefined) throw new Error('no network');
    this.network = network;
    const instance = new WebAssembly.Instance(module, this.host.imports(module));
    this.#exports = instance.exports;
    this.host.memory.bind(instance.exports['memory'] as WebAssembly.Memory);
    this.view.setUint32(AT.address, AT.ip, true);
    this.view.setUint32(AT.address + 4, 4, true);
  }

  static async start(): Promise<SocketGuest> {
    const bytes = assemble({
      imports: IMPORTS.map(([name, count]) => ({
        module: 'wasi_snapshot_preview1',
        name,
        signature: { params: 'i'.repeat(count), results: 'i' },
      })),
      functions: IMPORTS.map(([name, count], index) => ({
        signature: { params: 'i'.repeat(count), results: 'i' },
        body: [...Array.from({ length: count }, (_, local) => op.local(local)).flat(), ...op.call(index)],
        exportAs: `${name}/${count}`,
      })),
      memoryPages: 20,
    });
    return new SocketGuest(mkdtempSync(path.join(tmpdir(), 'wc-net-')), await WebAssembly.compile(bytes));
  }

  get view(): DataView {
    return this.host.memory.view;
  }

  get bytes(): Uint8Array {
    return this.host.memory.bytes;
  }

  /** Calls the form of a function that has as many parameters as there are arguments. */
  async call(name: CallName, ...args: readonly number[]): Promise<number> {
    return Number(await WebAssembly.promising(this.#exports[`${name}/${args.length}`])(...args));
  }

  async open(type = 2, family = 1): Promise<number> {
    expectZero(await this.call('sock_open', family, type, AT.result));
    return this.view.getUint32(AT.result, true);
  }

  /** Puts an address into AT.ip, in the form of the given length, and returns AT.address. */
  address(ip: string, length: 4 | 16 | 128 = 4): number {
    this.bytes.fill(0, AT.ip, AT.ip + 128);
    this.view.setUint32(AT.address + 4, length, true);
    const bytes = ip.split('.').map(Number);
    if (length === 128) this.view.setUint16(AT.ip, 1, true);
    if (length === 16) this.bytes.set([0xff, 0xff, ...bytes], AT.ip + 10);
    else this.bytes.set(bytes, length === 128 ? AT.ip + 2 : AT.ip);
    return AT.address;
  }

  async listener(port: number, ip = '0.0.0.0'): Promise<number> {
    const fd = await this.open();
    expectZero(await this.call('sock_bind', fd, this.address(ip), port));
    expectZero(await this.call('sock_listen', fd, 128));
    return fd;
  }

  async accept(listener: number, flags = 0): Promise<number> {
    expectZero(await this.call('sock_accept', listener, flags, AT.result));
    return this.view.getUint32(AT.result, true);
  }

  /** Negative: an errno. */
  async recv(fd: number, size = 4096, flags = 0): Promise<string | number> {
    this.#vector(size);
    const errno = await this.call('sock_recv', fd, AT.iovec, 1, flags, AT.result, AT.result2);
    if (errno !== 0) return -errno;
    return Buffer.from(this.bytes.slice(AT.data, AT.data + this.view.getUint32(AT.result, true))).toString();
  }

  /** How much was sent; negative: an errno. */
  async send(fd: number, what: string | number): Promise<number> {
    const bytes = typeof what === 'string' ? Buffer.from(what) : Buffer.alloc(what, 'x');
    this.bytes.set(bytes, AT.data);
    this.#vector(bytes.length);
    const errno = await this.call('sock_send', fd, AT.iovec, 1, 0, AT.result);
    return errno === 0 ? this.view.getUint32(AT.result, true) : -errno;
  }

  async nonblocking(fd: number): Promise<void> {
    expectZero(await this.call('fd_fdstat_set_flags', fd, 4));
  }

  /** Waits for one descriptor; returns what its event says. */
  async poll(fd: number, tag: 'read' | 'write'): Promise<{ readonly bytes: number; readonly hangup: boolean }> {
    const [subscription, event] = [0x500, 0x600];
    this.bytes.fill(0, subscription, subscription + 48);
    this.view.setUint8(subscription + 8, tag === 'read' ? 1 : 2);
    this.view.setUint32(subscription + 16, fd, true);
    expectZero(await this.call('poll_oneoff', subscription, event, 1, AT.result2));
    return { bytes: this.view.getUint32(event + 16, true), hangup: this.view.getUint16(event + 24, true) !== 0 };
  }

  /** SO_ERROR */
  async error(fd: number): Promise<number> {
    this.view.setUint32(AT.result2, 4, true);
    expectZero(await this.call('sock_getsockopt', fd, 0, 2, AT.result, AT.result2));
    return this.view.getUint32(AT.result, true);
  }

  /** A client of the guest's port, as the fabric makes one. */
  async client(port: number, hello = '10.9.0.9 1234\n'): Promise<Socket> {
    const socket = connect({ path: path.join(this.dir, String(port)), allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.write(hello);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('connect', resolve);
    socket.once('error', reject);
    await promise;
    return socket;
  }

  /** A server of the host that the guest can reach at 10.9.0.7:`port`; over TCP, or over a fabric socket. */
  async server(port: number, kind: 'tcp' | 'unix', onConnection: (socket: Socket) => void): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    this.#servers.push(server);
    const file = path.join(this.dir, `peer-${port}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    if (kind === 'tcp') server.listen(0, '127.0.0.1', resolve);
    else server.listen(file, resolve);
    await promise;
    const address = server.address();
    this.verdicts.set(
      `10.9.0.7:${port}`,
      address !== null && typeof address === 'object'
        ? { to: 'tcp', host: '127.0.0.1', port: address.port }
        : { to: 'unix', path: file, hello: '10.9.0.2 40000\n' },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.network.stopListening();
    this.host.stop();
    this.host.table.closeAll();
    for (const server of this.#servers) server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #vector(size: number): void {
    if (size > DATA_SIZE) throw new RangeError('more than the memory of the test guest holds');
    this.view.setUint32(AT.iovec, AT.data, true);
    this.view.setUint32(AT.iovec + 4, size, true);
  }
}

function expectZero(errno: number): void {
  if (errno !== 0) throw new Error(`errno ${errno}`);
}
