import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { encodeFrame, FRAME, frameReader, helloFrame, isHello } from '../../../src/net/relay/frames.ts';
import type { Frame } from '../../../src/net/relay/frames.ts';

export const relayProgram = fileURLToPath(
  new URL(`../../../relay/bin/relay-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`, import.meta.url),
);

interface RelayOptions {
  /** Its limit of open files. */
  readonly files?: number;
  /** Connections are streams on the control channel. */
  readonly streams?: boolean;
}

/** The relay as a plain process on loopback: its stdin and stdout are the control channel, as in a container. */
export class RelayProcess implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'wcr-'));
  readonly child: ChildProcess;
  stderr = '';
  readonly #frames: Frame[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];
  #wake: (() => void) | undefined;
  #next = 1;

  private constructor({ files, streams = false }: RelayOptions) {
    const limit = files === undefined ? '' : `ulimit -n ${files}; `;
    const command = `${limit}exec "$0" run "$@"`;
    this.child = spawn('sh', ['-c', command, relayProgram, ...(streams ? [] : [this.dir])], { stdio: 'pipe' });
    const read = frameReader((frame) => {
      this.#frames.push(frame);
      this.#wake?.();
    });
    this.child.stdout?.on('data', read);
    this.child.stderr?.on('data', (chunk: Buffer) => void (this.stderr += chunk.toString()));
    this.child.stdin?.on('error', () => {});
  }

  static async start(options: RelayOptions = {}): Promise<RelayProcess> {
    const relay = new RelayProcess(options);
    relay.send(helloFrame());
    if (!isHello(await relay.frame())) throw new Error('no HELLO');
    return relay;
  }

  /** Without a HELLO from this side. */
  static async bare(): Promise<RelayProcess> {
    const relay = new RelayProcess({});
    await relay.frame();
    return relay;
  }

  send(bytes: Uint8Array): void {
    this.child.stdin?.write(bytes);
  }

  async frame(): Promise<Frame> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift() as Frame;
  }

  /** Skips frames of other types. */
  async frameOf(type: number): Promise<Frame> {
    for (;;) {
      const frame = await this.frame();
      if (frame.type === type) return frame;
    }
  }

  /** The answer to a request: `OK`, or the name of an errno. */
  async request(type: number, text: string): Promise<string> {
    const id = this.#next++;
    this.send(encodeFrame(type, id, Buffer.from(text)));
    const answer = await this.frame();
    if (answer.id !== id) throw new Error(`an answer to ${answer.id} instead of ${id}`);
    return answer.type === FRAME.ok ? 'OK' : answer.payload.toString();
  }

  /** Listens on a free port of loopback, or on the one given. */
  async listen(port?: number): Promise<number> {
    const chosen = port ?? (await freePort());
    const answer = await this.request(FRAME.listen, `127.0.0.1 ${chosen}`);
    if (answer !== 'OK') throw new Error(answer);
    return chosen;
  }

  async unlisten(port: number): Promise<string> {
    return await this.request(FRAME.unlisten, `127.0.0.1 ${port}`);
  }

  /** What a worker is: a server on `<dir>/<port>`. */
  async serve(port: number, onSocket: (socket: Socket) => void): Promise<Server> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      this.#sockets.push(socket);
      onSocket(socket);
    });
    server.listen(join(this.dir, String(port)));
    await once(server, 'listening');
    this.#servers.push(server);
    return server;
  }

  async connect(port: number): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    this.#sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.stdin?.end();
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Everything until the other side ends; `error` when it was reset instead. The socket stays open for writing. */
export async function drain(socket: Socket): Promise<{ readonly bytes: Buffer; readonly error: string | undefined }> {
  const chunks: Buffer[] = [];
  return await new Promise((resolve) => {
    const done = (error: string | undefined): void => resolve({ bytes: Buffer.concat(chunks), error });
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    socket.on('end', () => done(undefined));
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code));
    socket.on('close', () => done('closed'));
  });
}

/** Hundredths of a second the process has used. */
export function cpuTicks(child: ChildProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
