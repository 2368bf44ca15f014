import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';

import type { WasmService } from '../../../model/project.ts';
import { workerUrl } from '../../../util/worker-url.ts';
import type { CarrierEvents, GuestCarrier, GuestPlace } from '../carrier.ts';
import type { GuestRequest, ToGuest } from '../messages.ts';
import type { OutputStreamName } from '../output-ring.ts';
import { type FileQuestion, serveFile } from './asked-files.ts';
import { type ControlGroup, createGroup } from './cgroup.ts';
import { encodeFrame, FrameKind, FrameReader } from './frames.ts';
import { parseFromProcess } from './guest-message.ts';
import type { ToProcess } from './guest-process.ts';
import { groupLimits } from './group-limits.ts';
import { permissionFlags } from './permissions.ts';

/** How long a process may take to hand over what its guest printed last. */
const LAST_WORDS_MS = 1_000;
/** Longer than any message or piece of output is. */
const FRAME_LIMIT = 1 << 20;
const STDERR_LIMIT = 4_096;

let created = 0;

const STREAMS: ReadonlyMap<number, OutputStreamName> = new Map([
  [FrameKind.STDOUT, 'stdout'],
  [FrameKind.STDERR, 'stderr'],
  [FrameKind.SYSTEM, 'system'],
]);

/** A place in a process of its own, which is started when the run begins. */
export function processPlace(service: WasmService): GuestPlace {
  return { isShared: false, carry: (request, events) => new ProcessCarrier(service, request, events) };
}

/**
 * A run in a process of its own, with nothing of this one's environment, descriptors or rights to files. It ends with
 * this process, however that ends. What it says is not believed without a look.
 */
class ProcessCarrier implements GuestCarrier {
  readonly #events: CarrierEvents;
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #group: ControlGroup;
  readonly #reader = new FrameReader(FRAME_LIMIT, (kind, payload) => this.#take(kind, payload));
  #stderr = '';
  #owed = 1;
  #isOver = false;
  #cpuMs: number | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(service: WasmService, request: Omit<GuestRequest, 'output'>, events: CarrierEvents) {
    this.#events = events;
    const entry = fileURLToPath(workerUrl(import.meta.filename, 'guest-process'));
    const child = spawn(process.execPath, [...permissionFlags(request), entry], {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#child = child;
    this.#group = createGroup(`wcompose-${process.pid}-${++created}`, groupLimits(service, request));
    this.#socket = child.stdio[3] as Socket;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_LIMIT);
    });
    this.#socket.on('data', (piece: Buffer) => this.#read(piece));
    // The process is gone, which `close` tells.
    this.#socket.on('error', () => undefined);
    queueMicrotask(() => this.#begin(request));
    child.once('error', (error) => this.#gone(`its process could not be started: ${error.message}`));
    child.once('close', (code, signal) => this.#gone(this.#describeEnd(code, signal)));
  }

  /** Not known before the process has answered a `stop`: then a client may wait. */
  get owed(): number {
    return this.#owed;
  }

  /** As it was told last: each time it is asked to measure. */
  async cpuMs(): Promise<number | undefined> {
    return this.#cpuMs;
  }

  post(message: ToGuest): void {
    this.#send(message);
  }

  terminate(): void {
    if (this.#patience !== undefined || this.#isOver) return;
    this.#send({ type: 'end' });
    this.#patience = setTimeout(() => this.#kill(), LAST_WORDS_MS);
  }

  release(): void {
    this.#isOver = true;
    clearTimeout(this.#patience);
    this.#kill();
  }

  /** The guest is not there before the group is. */
  #begin(request: Omit<GuestRequest, 'output'>): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    const { refused } = this.#group;
    for (const line of refused) this.#events.output('system', Buffer.from(line));
    try {
      this.#group.add(pid);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#events.output('system', Buffer.from(`its limits are not held: ${reason}`));
    }
    this.#send({ type: 'run', request });
  }

  #kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToProcess): void {
    if (!this.#socket.writable) return;
    for (const part of encodeFrame(FrameKind.MESSAGE, serialize(message))) this.#socket.write(part);
  }

  #read(piece: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(piece);
    } catch {
      // FrameError: it is no longer our program that runs there.
      this.#kill();
    }
  }

  #take(kind: number, payload: Buffer): void {
    const stream = STREAMS.get(kind);
    if (stream !== undefined) {
      this.#events.output(stream, payload);
      return;
    }
    const message = parseFromProcess(payload.toString());
    if (message === undefined) this.#kill();
    else if (message.type === 'owed') this.#owed = message.count;
    else if (message.type === 'cpu') this.#cpuMs = message.usedMs;
    else if (message.type === 'file') void this.#serve(message.ask, message.question);
    else this.#events.message(message);
  }

  async #serve(ask: number, question: FileQuestion): Promise<void> {
    const { pid } = this.#child;
    this.#send({ type: 'filed', ask, code: pid === undefined ? 'EIO' : await serveFile(pid, question) });
  }

  #gone(reason: string): void {
    clearTimeout(this.#patience);
    this.#group.remove();
    if (!this.#isOver) this.#events.gone(reason);
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal ?? code;
    const said = this.#stderr.split('\n').find((line) => /^(FATAL ERROR|#\s*Fatal|node:|\w*Error)/.test(line.trim()));
    return `its process ended (${how})${said === undefined ? '' : `: ${said.trim()}`}`;
  }
}
