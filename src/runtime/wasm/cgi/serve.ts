import type { MessagePort } from 'node:worker_threads';

import { HttpFront } from '../http/front.ts';
import type { Answer, FromGuest, GuestRequest, Question, ToGuest } from '../messages.ts';
import { Network } from '../net/network.ts';
import { openPublished } from '../open-published.ts';
import type { RingWriter } from '../output-ring.ts';
import type { Uplink } from '../uplink.ts';
import { buildRoot } from '../wasi/fs/root.ts';
import { Waiters } from '../wasi/waiters.ts';
import type { CgiSettings } from './messages.ts';
import { CgiService } from './service.ts';

export interface CgiEnds {
  readonly settings: CgiSettings;
  readonly port: MessagePort;
  readonly output: RingWriter;
  readonly uplink: Uplink;
}

/**
 * Serves HTTP on the ports of an instance with a guest for each request, until the other end of `port` says stop:
 * requests that have begun by then are finished within the grace. No guest runs in this thread. Rejects, with nothing
 * left open, when the instance cannot be started.
 */
export async function serveCgi(request: GuestRequest, module: WebAssembly.Module, ends: CgiEnds): Promise<void> {
  const { port, output, uplink, settings } = ends;
  const post = (message: FromGuest): void => port.postMessage(message);
  const { socketDir, address } = request;
  const network = new Network({ socketDir, address, uplink, waiters: new Waiters(), onOwed: () => undefined });
  const service = new CgiService({
    settings,
    data: {
      module,
      importedMemory: request.importedMemory,
      args: request.args,
      env: request.env,
      mounts: request.mounts,
      rootBytes: request.rootBytes,
      descriptorLimit: request.descriptorLimit,
      socketDir,
      address,
      connect: request.connect,
      ports: settings.ports,
    },
    answer: async (question) => await answer(uplink, question),
    log: (text) => {
      for (const line of text.split('\n')) uplink.log(line);
    },
    stderr: (chunk) => output.write('stderr', chunk),
  });
  const front = new HttpFront((exchange) => void service.handle(exchange));
  const stopping = new AbortController();
  const asked = Promise.withResolvers<void>();
  port.on('message', (message: ToGuest) => {
    if (message.type === 'answer') {
      uplink.answer(message);
      return;
    }
    if (message.type === 'measure') {
      const usage = { ...service.usage, ...network.traffic.usage, connections: front.connections };
      post({ type: 'usage', ask: message.ask, usage });
      return;
    }
    if (message.type === 'stop') post({ type: 'stopping' });
    // The last word counts, and it may be an earlier end.
    const graceMs = message.type === 'stop' ? message.graceMs : 0;
    AbortSignal.timeout(graceMs).addEventListener('abort', () => stopping.abort(), { once: true });
    asked.resolve();
  });
  try {
    // What cannot be mounted is to be known now, and not at the first request that opens a file.
    buildRoot(request.mounts, { nowNs: () => 0n, writableBytes: request.rootBytes }).directory.close();
    await service.start();
    const opened = await openPublished(network, request.published);
    if ('failure' in opened) {
      post({ type: 'failed', failure: opened.failure });
      return;
    }
    for (const served of settings.ports) {
      if ((await front.listen(network, served)) !== 0) throw new Error(`cannot listen on port ${served}`);
    }
    post({ type: 'started', published: opened.published });
    await asked.promise;
    network.stopListening();
    await front.drain(stopping.signal);
    post({ type: 'ended', exit: front.active === 0 ? { how: 'code', code: 0 } : { how: 'killed' } });
  } finally {
    network.stopListening();
    front.close();
    service.close();
  }
}

async function answer(uplink: Uplink, question: Question): Promise<Answer> {
  switch (question.what) {
    case 'resolve':
      return await uplink.resolve(question.name);
    case 'authorize':
      return await uplink.authorize(question.address, question.port);
    case 'authorize-datagram':
      return await uplink.authorizeDatagram(question.address, question.port);
  }
}
