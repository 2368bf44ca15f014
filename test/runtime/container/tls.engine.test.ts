import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { describe, test } from 'vitest';

import { execa } from 'execa';

import { Engine } from '../../../src/runtime/container/engine.ts';
import { createFabricEngine } from '../../../src/runtime/container/fabric-engine.ts';
import { Sandbox } from './sandbox.ts';

const signal = AbortSignal.timeout(60_000);

/** The real Engine behind TLS that asks for a certificate, as a remote one is reached. */
class TlsEngine implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'wc-tls-'));
  port = 0;
  readonly #stop: (() => Promise<void>)[] = [];

  static async open(): Promise<TlsEngine> {
    const engine = new TlsEngine();
    await engine.#certify();
    const read = (name: string): Buffer => readFileSync(join(engine.dir, name));
    const server = createServer(
      { ca: read('ca.pem'), cert: read('server.pem'), key: read('server-key.pem'), requestCert: true },
      (near) => {
        const far = connect('/var/run/docker.sock');
        near.on('error', () => far.destroy());
        far.on('error', () => near.destroy());
        near.on('close', () => far.destroy());
        near.pipe(far).pipe(near);
      },
    );
    // A client without the right certificate is turned away in the handshake.
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    engine.port = (server.address() as { port: number }).port;
    engine.#stop.push(async () => {
      await new Promise((resolve) => server.close(resolve));
    });
    return engine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stop) await stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #certify(): Promise<void> {
    const run = async (...args: readonly string[]): Promise<unknown> => await execa('openssl', args, { cwd: this.dir });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    await run('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-subj', '/CN=ca');
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem'];
    const server = ['-keyout', 'server-key.pem', '-out', 'server.pem', '-subj', '/CN=server'];
    await run('req', '-x509', ...signed, ...key, ...server, '-addext', 'subjectAltName=IP:127.0.0.1');
    await run('req', '-x509', ...signed, ...key, '-keyout', 'key.pem', '-out', 'cert.pem', '-subj', '/CN=client');
    mkdirSync(join(this.dir, 'empty'));
    chmodSync(join(this.dir, 'key.pem'), 0o600);
  }
}

describe('an Engine behind TLS', () => {
  test('is reached with the certificates of DOCKER_CERT_PATH: requests, streams and attached connections', async ({
    expect,
  }) => {
    await using remote = await TlsEngine.open();
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${remote.port}`, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: remote.dir };
    await using sandbox = await Sandbox.open(env);
    expect(sandbox.engine.description).toBe(`tcp://127.0.0.1:${remote.port} (from DOCKER_HOST)`);
    const handle = await sandbox.create(sandbox.shell('web', 'echo hello'));
    const fabric = createFabricEngine(sandbox.engine);
    expect(await fabric.info(signal)).toMatchObject({ native: false });
    const connection = await fabric.attach(handle, signal);
    await sandbox.runtime.start(handle, signal);
    const chunks: Buffer[] = [];
    for await (const chunk of connection) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toContain('hello');
  });

  test('that is not the one the certificates are of is refused', async ({ expect }) => {
    await using remote = await TlsEngine.open();
    await using other = await TlsEngine.open();
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${remote.port}`, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: other.dir };
    await expect(Engine.open(env, signal)).rejects.toMatchObject({ code: 'ERR_ENGINE_UNREACHABLE' });
  });
});
