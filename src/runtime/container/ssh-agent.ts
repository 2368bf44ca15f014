import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import type { Readable, Writable } from 'node:stream';

import { WcError } from '../../model/diagnostic.ts';
import type { EngineEndpoint } from './endpoint.ts';

export type SshEndpoint = Extract<EngineEndpoint, { kind: 'ssh' }>;

/**
 * Connections to an Engine on another machine, each through `ssh … docker system dial-stdio`, as the docker program makes
 * them: keys, agents, jump hosts and known hosts are those of the user's own ssh. They are kept and used again, since each
 * new one is a login.
 */
export class SshAgent extends Agent {
  readonly #endpoint: SshEndpoint;
  readonly #env: NodeJS.ProcessEnv;

  constructor(endpoint: SshEndpoint, env: NodeJS.ProcessEnv) {
    super({ keepAlive: true });
    this.#endpoint = endpoint;
    this.#env = env;
  }

  override createConnection(): Duplex {
    return openSsh(this.#endpoint, this.#env);
  }

  // A pipe to a program is no socket and has nothing that could be set.
  override keepSocketAlive(): boolean {
    return true;
  }

  override reuseSocket(): void {}
}

/** One connection; destroying it ends its ssh. It fails with what ssh said. */
export function openSsh(endpoint: SshEndpoint, env: NodeJS.ProcessEnv): Duplex {
  const child = spawn('ssh', sshArguments(endpoint), { env, stdio: ['pipe', 'pipe', 'pipe'] });
  return new SshStream(child, endpoint);
}

/** Pure. */
export function sshArguments({ host, user, port, socketPath }: SshEndpoint): readonly string[] {
  const args = ['-o', 'ConnectTimeout=30', '-o', 'BatchMode=yes', '-T'];
  if (user !== undefined) args.push('-l', user);
  if (port !== undefined) args.push('-p', String(port));
  args.push('--', host, 'docker');
  if (socketPath !== undefined) args.push('--host', `unix://${socketPath}`);
  return [...args, 'system', 'dial-stdio'];
}

class SshStream extends Duplex {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, { host }: SshEndpoint) {
    super();
    this.#child = child;
    let said = '';
    let answered = false;
    child.stdout.on('data', (chunk: Buffer) => {
      answered = true;
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-MAX_STDERR);
    });
    // EPIPE: why is told when it has ended.
    child.stdin.on('error', () => undefined);
    child.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'there is no program ssh here' : error.message;
      this.destroy(failed(host, why, error));
    });
    child.on('close', (code) => {
      if (code === 0 || answered) this.push(null);
      else this.destroy(failed(host, said.trim() || `ssh ended with status ${code}`));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // Why it does not take it is told when it has ended.
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#child.kill();
    done(error);
  }
}

function failed(host: string, why: string, cause?: unknown): WcError {
  return new WcError('ERR_ENGINE_UNREACHABLE', `no Docker Engine answers over ssh on ${host}: ${why}`, {
    hint: `\`ssh ${host} docker version\` must work without a question`,
    cause,
  });
}

const MAX_STDERR = 2_000;
