import { once } from 'node:events';
import { mkdtempDisposableSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { ControlClient } from '../../../src/control/client.ts';
import { PROTOCOL_VERSION } from '../../../src/control/protocol.ts';
import type { SupervisorEvent } from '../../../src/control/protocol.ts';
import { serveControl } from '../../../src/control/server.ts';
import type { Handlers } from '../../../src/control/server.ts';
import { WcError } from '../../../src/model/diagnostic.ts';

const never = new AbortController().signal;
const refuse = async (): Promise<never> => {
  throw new WcError('ERR_NO_SUCH_SERVICE', 'no such service: x', { hint: 'the project has: y' });
};
const info = { version: '1.2.3', protocol: PROTOCOL_VERSION, project: 'demo', pid: 42 };

const HANDLERS: Handlers = {
  'GET /v1/info': async () => info,
  'PUT /v1/project': refuse,
  'DELETE /v1/project': refuse,
  'POST /v1/services': refuse,
  'POST /v1/instances': refuse,
  'POST /v1/pull': refuse,
  'POST /v1/build': refuse,
  'POST /v1/push': refuse,
  'POST /v1/images': refuse,
  'POST /v1/copy-targets': refuse,
  'POST /v1/wait': refuse,
  'GET /v1/changes': refuse,
  'POST /v1/top': refuse,
  'GET /v1/stats': refuse,
  'GET /v1/instances': async () => ({ instances: [], services: [] }),
  'GET /v1/events': refuse,
  'GET /v1/logs': refuse,
};

async function served(handlers: Partial<Handlers>): Promise<AsyncDisposable & { readonly socket: string }> {
  const dir = mkdtempDisposableSync(join(tmpdir(), 'wc-control-'));
  const socket = join(dir.path, 'ctl.sock');
  const server = await serveControl(socket, { ...HANDLERS, ...handlers }, () => {});
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      dir.remove();
    },
  };
}

const warning = (message: string): SupervisorEvent => ({ type: 'warning', message });

describe('control socket', () => {
  test('only its user may connect to it', async ({ expect }) => {
    await using server = await served({});
    expect(statSync(server.socket).mode & 0o777).toBe(0o600);
  });

  test('a socket file that a dead supervisor left is taken over', async ({ expect }) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'wc-control-'));
    const socket = join(dir.path, 'ctl.sock');
    writeFileSync(socket, '');
    const server = await serveControl(socket, HANDLERS, () => {});
    expect(await new ControlClient(socket).probe(never)).toEqual(info);
    server.close();
  });

  test('an error crosses the socket with its code, message and hint', async ({ expect }) => {
    await using server = await served({});
    const events = new ControlClient(server.socket).stream('GET /v1/events', undefined, never);
    await expect(events.next()).rejects.toMatchObject({
      code: 'ERR_NO_SUCH_SERVICE',
      message: 'no such service: x',
      hint: 'the project has: y',
    });
  });

  test('a stream arrives value by value, and leaving it ends the work of the server', async ({ expect }) => {
    const left = Promise.withResolvers<void>();
    await using server = await served({
      'GET /v1/events': async ({ signal }) => {
        signal.addEventListener('abort', () => left.resolve());
        return (async function* events() {
          yield warning('one');
          yield warning('two');
          await left.promise;
        })();
      },
    });
    const seen: string[] = [];
    for await (const event of new ControlClient(server.socket).stream('GET /v1/events', undefined, never)) {
      if (event.type === 'warning') seen.push(event.message);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['one', 'two']);
    await left.promise;
  });

  test('nobody listening: a probe finds nothing, a request says that the supervisor is lost', async ({ expect }) => {
    const client = new ControlClient(join(tmpdir(), 'wc-no-such.sock'));
    expect(await client.probe(never)).toBeUndefined();
    await expect(client.call('GET /v1/instances', undefined, never)).rejects.toMatchObject({
      code: 'ERR_SUPERVISOR_LOST',
    });
    await expect(client.stream('GET /v1/events', undefined, never).next()).rejects.toMatchObject({
      code: 'ERR_SUPERVISOR_LOST',
    });
  });

  test('a supervisor of another protocol is named with what to do', async ({ expect }) => {
    await using server = await served({ 'GET /v1/info': async () => ({ ...info, protocol: 999 }) });
    await expect(new ControlClient(server.socket).probe(never)).rejects.toMatchObject({
      code: 'ERR_SUPERVISOR_VERSION',
      hint: expect.stringContaining('kill 42') as string,
    });
  });
});
