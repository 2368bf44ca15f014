import { setTimeout as delay } from 'node:timers/promises';

import { WcError } from '../../model/diagnostic.ts';
import { serveCgi } from './cgi/serve.ts';
import type { FromGuest, GuestRequest, GuestUsage, RunMessage, StartFailure, ToGuest } from './messages.ts';
import { socketFunctions } from './net/functions.ts';
import { PreopenedListener } from './net/listener.ts';
import { Network } from './net/network.ts';
import { preconnect, PreconnectError } from './net/preconnect.ts';
import { type Opened, openPublished } from './open-published.ts';
import type { GuestTies, RunningGuest } from './running-guest.ts';
import { RingWriter } from './output-ring.ts';
import { GuestThreads, type GuestThreadsParts } from './threads/guest-threads.ts';
import { Uplink } from './uplink.ts';
import { systemClock } from './wasi/clock.ts';
import { buildRoot } from './wasi/fs/root.ts';
import { WasiHost } from './wasi/host.ts';
import { noteTurns } from './watchdog.ts';
import { runWasmer } from './wasmer/run.ts';

/** How often a guest that is being stopped is looked at. */
const LOOK_MS = 10;
/** How long the last bytes of a guest that has ended may take to leave. */
const FLUSH_MS = 1_000;

/**
 * Runs one guest in this thread, from its first to its last breath, and tells the other end of `port` about it.
 * Never rejects.
 */
export async function runGuest({ request, port, turns }: RunMessage): Promise<void> {
  const post = (message: FromGuest): void => port.postMessage(message);
  const output = new RingWriter(request.output, () => post({ type: 'output' }));
  const uplink = new Uplink(post, (text) => output.write('system', Buffer.from(text)));
  try {
    if (request.cgi !== undefined) {
      await serveCgi(request, await compiled(request.module), { settings: request.cgi, port, output, uplink });
      return;
    }
    if (request.engine === 'wasmer') {
      await runOnWasmer(request, output, post);
      return;
    }
    const guest = await createGuest(request, { output, uplink, turns });
    const { network, stdin } = guest;
    stdin.onTaken = (bytes) => {
      if (bytes > 0) post({ type: 'input-taken', bytes });
    };
    const stopping = new AbortController();
    port.on('message', (message: ToGuest) => {
      if (message.type === 'stop' || message.type === 'kill') stopping.abort();
      take(message, guest, { uplink, post });
    });
    const opened = await open(guest, request, stopping.signal);
    if ('failure' in opened) {
      network.stopListening();
      post({ type: 'failed', failure: opened.failure });
      return;
    }
    post({ type: 'started', published: opened.published });
    const exit = await guest.run();
    network.stopListening();
    await flushed(network);
    post({ type: 'ended', exit });
  } catch (error) {
    post({ type: 'failed', failure: failureOf(error) });
  } finally {
    // The other end closes the port, when it has read what was posted.
    uplink.close();
  }
}

function take(
  message: ToGuest,
  guest: RunningGuest,
  { uplink, post }: { readonly uplink: Uplink; readonly post: Post },
): void {
  switch (message.type) {
    case 'answer':
      uplink.answer(message);
      return;
    case 'input':
      guest.stdin.push(message.bytes);
      return;
    case 'input-end':
      guest.stdin.end();
      return;
    case 'measure':
      void measure(message.ask, guest, post);
      return;
    case 'kill':
      guest.stop();
      return;
    case 'stop':
      void stop(message.graceMs, guest, post);
      return;
  }
}

async function compiled(module: GuestRequest['module']): Promise<WebAssembly.Module> {
  if (module instanceof WebAssembly.Module) return module;
  if ('root' in module) throw new Error('a component is in the place of a module');
  try {
    return await WebAssembly.compile(module);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    throw new WcError('ERR_MODULE_INVALID', `its module does not compile: ${error.message}`);
  }
}

/** Blocks this thread until the guest has ended: only ending the thread stops it. */
async function runOnWasmer(request: GuestRequest, output: RingWriter, post: Post): Promise<void> {
  post({ type: 'started', published: [] });
  const exit = await runWasmer(await compiled(request.module), {
    args: request.args,
    env: request.env,
    directories: request.mounts.filter((mount) => mount.kind === 'memory').map((mount) => mount.guestPath),
    stdout: (chunk) => output.write('stdout', chunk),
    stderr: (chunk) => output.write('stderr', chunk),
  });
  post({ type: 'ended', exit });
}

async function measure(ask: number, guest: RunningGuest, post: Post): Promise<void> {
  const threadsMs = await guest.threadsMs?.();
  const { memoryBytes, descriptors, network } = guest;
  const usage: GuestUsage = { memoryBytes, descriptors, ...network.traffic.usage };
  post({ type: 'usage', ask, usage: threadsMs === undefined ? usage : { ...usage, threadsMs } });
}

type Post = (message: FromGuest) => void;

/** What a component needs is loaded for components only: a thread is ready earlier without it. */
async function createGuest(request: GuestRequest, ties: GuestTies): Promise<RunningGuest> {
  const { module } = request;
  if (!('root' in module)) return createModule(request, await compiled(module), ties);
  const { createComponent } = await import('./component/guest.ts');
  const modules = await Promise.all(module.modules.map(compiled));
  return createComponent(request, { root: module.root, modules }, ties);
}

function createModule(
  request: GuestRequest,
  module: WebAssembly.Module,
  { output, uplink, turns }: GuestTies,
): RunningGuest {
  const clock = systemClock();
  const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
  let network: Network | undefined;
  const memory = request.importedMemory && new WebAssembly.Memory(request.importedMemory);
  const host = new WasiHost({
    args: request.args,
    env: request.env,
    stdinOpen: request.stdinOpen,
    clock,
    stdout: (chunk) => output.write('stdout', chunk),
    stderr: (chunk) => output.write('stderr', chunk),
    mounts: [buildRoot(request.mounts, { nowNs, writableBytes: request.rootBytes })],
    ...(request.descriptorLimit === undefined ? {} : { descriptorLimit: request.descriptorLimit }),
    ...(memory === undefined ? {} : { memory }),
    ...(turns === undefined ? {} : { onTurn: noteTurns(turns.cells, turns.guest) }),
    functions: (guest) => {
      const { socketDir, address, closesByShutdown } = request;
      const onOwed = (owed: number): void => {
        output.owed = owed;
      };
      network = new Network({ socketDir, address, uplink, waiters: guest.waiters, onOwed, closesByShutdown });
      return socketFunctions(guest, network);
    },
  });
  if (network === undefined) throw new Error('the host made no functions');
  const ours = network;
  let fd = request.listenFd;
  return {
    network: ours,
    stdin: host.stdin,
    listen: async (port) => {
      const listener = new PreopenedListener(host.waiters, { address: '0.0.0.0', port });
      const errno = await ours.listen(listener);
      if (errno !== 0) return errno;
      if (fd === undefined) host.table.add(listener);
      else host.table.set(fd++, listener);
      return 0;
    },
    hold: (number, connection) => host.table.set(number, connection),
    get memoryBytes() {
      return host.memory.bytes.length;
    },
    get descriptors() {
      return host.table.size;
    },
    ...(request.importedMemory?.shared === true && memory !== undefined
      ? withThreads(host, { module, memory, limit: request.threadLimit, log: (text) => uplink.log(text) })
      : { run: async () => await host.run(module), stop: () => host.stop() }),
    drain: async (signal) => {
      while (ours.owed > 0 && !signal.aborted) await delay(LOOK_MS);
    },
  };
}

/** No code of such a guest runs in this thread: it may wait for other threads, in ways that keep all else waiting. */
function withThreads(host: WasiHost, parts: GuestThreadsParts): Pick<RunningGuest, 'run' | 'stop' | 'threadsMs'> {
  const threads = new GuestThreads(parts);
  return {
    run: async () => await host.runElsewhere(parts.module, async (calls) => await threads.run(calls)),
    stop: () => {
      host.stop();
      threads.stop();
    },
    threadsMs: async () => await threads.cpuMs(),
  };
}

/**
 * Published ports first: nothing has run when one of them is taken. Its connections last: nobody is connected to for a
 * guest that cannot run.
 */
async function open(guest: RunningGuest, request: GuestRequest, signal: AbortSignal): Promise<Opened> {
  const opened = await openPublished(guest.network, request.published);
  if ('failure' in opened) return opened;
  for (const port of request.preopened) {
    const errno = await guest.listen(port);
    if (errno !== 0) return { failure: { why: 'host', message: `cannot listen on port ${port}`, stack: undefined } };
  }
  try {
    const connections = await preconnect(guest.network, request.connect, signal);
    for (const { fd, connection } of connections) guest.hold(fd, connection);
    return opened;
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

async function stop(graceMs: number, guest: RunningGuest, post: Post): Promise<void> {
  post({ type: 'stopping' });
  guest.network.stopListening();
  await guest.drain(AbortSignal.timeout(graceMs));
  guest.stop();
}

/** What the guest wrote before it ended still leaves, as it does from the kernel when a program ends. */
async function flushed(network: Network): Promise<void> {
  const deadline = performance.now() + FLUSH_MS;
  while (network.sending > 0 && performance.now() < deadline) await delay(1);
  // In a shared thread nobody else would.
  network.abandon();
}

function failureOf(error: unknown): StartFailure {
  if (error instanceof PreconnectError) {
    const { host, port } = error.target;
    return { why: 'connection', host, port, message: error.message };
  }
  if (error instanceof WcError) return { why: 'service', code: error.code, message: error.message, hint: error.hint };
  const isError = error instanceof Error;
  return { why: 'host', message: isError ? error.message : String(error), stack: isError ? error.stack : undefined };
}
