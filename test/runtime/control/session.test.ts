import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempDisposableSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, test } from 'vitest';

import { ClientSession } from '../../../src/control/session-client.ts';
import type { SessionRequest } from '../../../src/control/session-protocol.ts';
import { serveSessions } from '../../../src/control/session-server.ts';
import type { SessionHandler } from '../../../src/control/session-server.ts';
import { WcError } from '../../../src/model/diagnostic.ts';

const never = new AbortController().signal;
const REQUEST: SessionRequest = {
  open: 'exec',
  service: 'web',
  command: ['sh'],
  tty: false,
  stdin: true,
  detach: false,
  environment: {},
  privileged: false,
};

async function served(handler: SessionHandler): Promise<AsyncDisposable & { readonly socket: string }> {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'wc-session-'));
  const socket = join(dir.path, 'ctl.sock');
  const server = createServer();
  serveSessions(server, handler, () => undefined);
  server.listen(socket);
  await once(server, 'listening');
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
      dir.remove();
    },
  };
}

interface Printed {
  stdout: string;
  stderr: string;
  readonly started: string[];
}

async function run(session: ClientSession): Promise<Printed & { readonly code: number }> {
  const printed: Printed = { stdout: '', stderr: '', started: [] };
  const code = await session.run({
    write: async (stream, bytes) => void (printed[stream] += Buffer.from(bytes).toString()),
    event: () => undefined,
    started: (name) => void printed.started.push(name),
  });
  return { ...printed, code };
}

describe('a session over the control socket', () => {
  test('request, input, output of both streams and the status go over whole', async ({ expect }) => {
    await using server = await served(async (request, session) => {
      expect(request).toEqual(REQUEST);
      session.started('web-1');
      const input = await text(session.input);
      await session.write('stdout', Buffer.from(input.toUpperCase()));
      await session.write('stderr', Buffer.from('done'));
      return 7;
    });
    using session = await ClientSession.open(server.socket, REQUEST, never);
    const ended = run(session);
    for (let part = 0; part < 50; part++) await session.input(Buffer.from('a'.repeat(100_000)), never);
    session.send({ type: 'input-end' });
    const result = await ended;
    expect(result).toMatchObject({ code: 7, stderr: 'done', started: ['web-1'] });
    expect(result.stdout).toBe('A'.repeat(5_000_000));
  });

  test('sizes and signals that came before somebody listened are told', async ({ expect }) => {
    await using server = await served(async (_request, session) => {
      await text(session.input);
      const told: unknown[] = [];
      session.onResize((size) => told.push(size));
      session.onSignal((name) => told.push(name));
      await session.write('stdout', Buffer.from(JSON.stringify(told)));
      return 0;
    });
    using session = await ClientSession.open(server.socket, REQUEST, never);
    session.send({ type: 'resize', columns: 80, rows: 24 });
    session.send({ type: 'resize', columns: 90, rows: 25 });
    session.send({ type: 'signal', name: 'SIGINT' });
    session.send({ type: 'input-end' });
    expect(JSON.parse((await run(session)).stdout)).toEqual([{ columns: 90, rows: 25 }, 'SIGINT']);
  });

  test('an error is thrown by the client, with its hint', async ({ expect }) => {
    await using server = await served(async () => {
      throw new WcError('ERR_NO_SUCH_SERVICE', 'no such service', { hint: 'the project has: a' });
    });
    using session = await ClientSession.open(server.socket, REQUEST, never);
    await expect(run(session)).rejects.toMatchObject({ code: 'ERR_NO_SUCH_SERVICE', hint: 'the project has: a' });
  });

  test('a client that goes away ends the input and the signal, and what is written then is dropped', async ({
    expect,
  }) => {
    const left = Promise.withResolvers<string>();
    await using server = await served(async (_request, session) => {
      session.started('web-1');
      if (!session.gone.aborted) await once(session.gone, 'abort');
      const input = await text(session.input);
      await session.write('stdout', Buffer.alloc(1_000_000));
      left.resolve(input);
      return 0;
    });
    const session = await ClientSession.open(server.socket, REQUEST, never);
    await session.input(Buffer.from('typed'), never);
    session[Symbol.dispose]();
    expect(await left.promise).toBe('typed');
  });
});
