import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Duplex, Transform } from 'node:stream';

import { ControlChannel } from '../../../src/net/relay/control-channel.ts';
import type { RelayStream } from '../../../src/net/relay/relay-stream.ts';
import { freePort, relayProgram } from './relay-process.ts';

interface Accepted {
  readonly stream: RelayStream;
  readonly peer: string;
}

/** A relay process whose connections are streams, at the other end of the real channel. */
export class StreamRelay implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly channel: ControlChannel;
  onOpen: (port: number, peer: string, stream: RelayStream) => void = () => {};

  private constructor(files: number | undefined) {
    const limit = files === undefined ? '' : `ulimit -n ${files}; `;
    const child = spawn('sh', ['-c', `${limit}exec "$0" run`, relayProgram], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child = child;
    const framed = child.stdout.pipe(
      new Transform({ transform: (chunk: Buffer, _, done) => done(null, framedAs(chunk)) }),
    );
    const connection = Duplex.from({ readable: framed, writable: child.stdin });
    this.channel = new ControlChannel(connection, (...opened) => this.onOpen(...opened));
  }

  /** `files`: its limit of open files. */
  static async start(files?: number): Promise<StreamRelay> {
    const relay = new StreamRelay(files);
    await relay.channel.hello(AbortSignal.timeout(10_000));
    return relay;
  }

  async listen(): Promise<number> {
    const port = await freePort();
    await this.channel.listen(port, AbortSignal.timeout(10_000));
    return port;
  }

  /** The next connection that is accepted. */
  async accepted(): Promise<Accepted> {
    return await new Promise((resolve) => {
      this.onOpen = (_port, peer, stream) => resolve({ peer, stream });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.child.exitCode === null && this.child.signalCode === null;
    const ended = once(this.child, 'exit');
    this.channel[Symbol.dispose]();
    this.child.stdin?.end();
    if (running) await ended;
  }
}

/** As the Engine frames an attached container's stdout. */
function framedAs(chunk: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += ENGINE_PIECE) {
    const piece = chunk.subarray(at, at + ENGINE_PIECE);
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(piece.length, 4);
    pieces.push(header, piece);
  }
  return Buffer.concat(pieces);
}

const ENGINE_PIECE = 32_768;
