/**
 * Entry of the process of one guest. This thread only carries what the guest's thread and the supervisor say to each
 * other: no code of the guest runs on it, so that it can end the other one at any time.
 */
import { Socket } from 'node:net';
import { deserialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { clearInterval, setInterval } from 'node:timers';

import { workerUrl } from '../../../util/worker-url.ts';
import type { CarrierEvents } from '../carrier.ts';
import type { GuestRequest, ToGuest, WorkerData } from '../messages.ts';
import type { OutputStreamName } from '../output-ring.ts';
import { ThreadCarrier } from '../thread-carrier.ts';
import { answerFile, type AskedFile } from './asked-files.ts';
import { closeInherited } from './close-inherited.ts';
import { encodeFrame, FrameKind, FrameReader } from './frames.ts';
import type { FromProcess } from './guest-message.ts';

/** What the supervisor says: what a thread is told, and how the run begins and ends. */
export type ToProcess =
  | { readonly type: 'run'; readonly request: Omit<GuestRequest, 'output'> }
  | { readonly type: 'end' }
  | { readonly type: 'filed'; readonly ask: number; readonly code: string }
  | ToGuest;

/** The socket to the supervisor. */
const SUPERVISOR_FD = 3;
/** How often it is told, while the guest is being stopped, how many clients wait for an answer. */
const OWED_MS = 20;

const KINDS: Readonly<Record<OutputStreamName, number>> = {
  stdout: FrameKind.STDOUT,
  stderr: FrameKind.STDERR,
  system: FrameKind.SYSTEM,
};

closeInherited(SUPERVISOR_FD);
const socket = new Socket({ fd: SUPERVISOR_FD, readable: true, writable: true });
const workerData: WorkerData = { compileCacheDir: undefined, filesAreAsked: true };
const worker = new Worker(workerUrl(import.meta.filename, '../worker'), { env: {}, name: 'guest', workerData });
let carrier: ThreadCarrier | undefined;
let telling: NodeJS.Timeout | undefined;
const asked = new Map<number, SharedArrayBuffer>();
let lastAsked = 0;

const events: CarrierEvents = {
  message: (message) => tell(message),
  output: (stream, bytes) => send(KINDS[stream], bytes),
  isBusy: () => socket.writableNeedDrain,
  held: () => undefined,
  gone: (reason) => {
    tell({ type: 'ended', exit: { how: 'lost', reason } });
    end();
  },
};

const reader = new FrameReader(0xffff_ffff, (kind, payload) => {
  if (kind === FrameKind.MESSAGE) take(deserialize(payload) as ToProcess);
});
socket.on('data', (piece: Buffer) => reader.push(piece));
worker.on('message', ({ question, cell }: AskedFile) => {
  asked.set(++lastAsked, cell);
  tell({ type: 'file', ask: lastAsked, question });
});
socket.on('drain', () => carrier?.drain());
// Nobody may outlive the supervisor, whatever the guest is doing: nothing of this process is asked.
for (const event of ['end', 'error', 'close']) socket.on(event, () => process.kill(process.pid, 'SIGKILL'));

function take(message: ToProcess): void {
  if (message.type === 'run') {
    carrier = new ThreadCarrier(worker, { release: () => undefined }, message.request, events);
  } else if (message.type === 'end') void worker.terminate();
  else if (message.type === 'filed') {
    const cell = asked.get(message.ask);
    asked.delete(message.ask);
    if (cell !== undefined) answerFile(cell, message.code);
  } else {
    if (message.type === 'measure') tellCpu();
    carrier?.post(message);
    if (message.type !== 'stop') return;
    telling ??= setInterval(tellOwed, OWED_MS);
    tellOwed();
  }
}

function tellCpu(): void {
  const { user, system } = process.cpuUsage();
  tell({ type: 'cpu', usedMs: Math.round((user + system) / 1_000) });
}

function tellOwed(): void {
  tell({ type: 'owed', count: carrier?.owed ?? 0 });
}

function tell(message: FromProcess): void {
  send(FrameKind.MESSAGE, Buffer.from(JSON.stringify(message)));
}

function send(kind: number, payload: Uint8Array): void {
  socket.cork();
  for (const part of encodeFrame(kind, payload)) socket.write(part);
  socket.uncork();
}

/** The guest's thread is gone: what it printed last, and then this process. */
function end(): void {
  clearInterval(telling);
  carrier?.release();
  socket.removeAllListeners('close').end(() => process.exit(0));
}
