import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';

import { execa } from 'execa';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const program = join(root, 'bin/wcompose.js');

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * One project of a test, in directories of its own (HOME, state, sockets), run by the built program as a user runs it.
 * Ends with `down -v`, whatever the test did.
 */
export class TestProject implements AsyncDisposable {
  readonly name: string;
  readonly dir: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #children: ChildProcess[] = [];
  #file: readonly string[] = [];

  constructor(label: string, env: Readonly<Record<string, string>> = {}) {
    this.home = mkdtempSync(join(tmpdir(), 'wc-'));
    this.name = `${label}${this.home
      .slice(-6)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, 'x')}`;
    this.dir = join(this.home, 'project');
    mkdirSync(this.dir);
    for (const sub of ['run', 'state', 'data']) mkdirSync(join(this.home, sub), { mode: 0o700 });
    this.env = {
      HOME: this.home,
      XDG_RUNTIME_DIR: join(this.home, 'run'),
      XDG_STATE_HOME: join(this.home, 'state'),
      XDG_DATA_HOME: join(this.home, 'data'),
      NO_COLOR: '1',
      ...env,
    };
  }

  write(files: Readonly<Record<string, string | Uint8Array>>): this {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.dir, path)), { recursive: true });
      writeFileSync(join(this.dir, path), content);
    }
    return this;
  }

  /** Uses a compose file elsewhere, as `-f`. */
  useFile(path: string): this {
    this.#file = ['-f', path];
    return this;
  }

  async run(...args: readonly string[]): Promise<Ran> {
    const result = await execa(process.execPath, this.#command(args), {
      cwd: this.dir,
      env: this.env,
      reject: false,
      stdin: 'ignore',
      timeout: 150_000,
    });
    return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
  }

  /** A command that stays: attached `up`, `logs -f`. */
  start(...args: readonly string[]): Running {
    return this.#start('ignore', args);
  }

  /** One whose standard input the test writes. */
  startPiped(...args: readonly string[]): Running {
    return this.#start('pipe', args);
  }

  #start(stdin: 'ignore' | 'pipe', args: readonly string[]): Running {
    const child = spawn(process.execPath, this.#command(args), {
      cwd: this.dir,
      env: { ...process.env, ...this.env },
      stdio: [stdin, 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return new Running(child);
  }

  async ps(): Promise<readonly PsRow[]> {
    const { stdout } = await this.run('ps', '-a', '--format', 'json');
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as PsRow);
  }

  /** Everything of this project that is anywhere: what must be empty after `down -v`. */
  async leftovers(): Promise<readonly string[]> {
    return [
      ...(await dockerNames('container', this.name)),
      ...(await dockerNames('network', this.name)),
      ...(await dockerNames('volume', this.name)),
      ...supervisors(this.name).map((pid) => `process ${pid}`),
      // These directories are of no other project, whatever is called how below them.
      ...listDirs(join(this.home, 'run', 'wcompose')).map((dir) => `sockets ${dir}`),
      ...listDirs(join(this.home, 'data', 'wcompose', 'volumes')).map((dir) => `directory ${dir}`),
    ];
  }

  supervisorPids(): readonly number[] {
    return supervisors(this.name);
  }

  supervisorPid(): number {
    const [pid] = supervisors(this.name);
    if (pid === undefined) throw new Error(`no supervisor of ${this.name} runs`);
    return pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.run('down', '-v', '--remove-orphans', '-t', '1');
    for (const pid of supervisors(this.name)) process.kill(pid, 'SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }

  #command(args: readonly string[]): readonly string[] {
    return [program, '-p', this.name, ...this.#file, ...args];
  }
}

export interface PsRow {
  readonly Name: string;
  readonly Service: string;
  readonly Kind: 'container' | 'wasm';
  readonly State: string;
  readonly Health: string;
  readonly ExitCode: number;
  readonly ID: string;
  readonly Publishers: readonly { readonly URL: string; readonly TargetPort: number; readonly PublishedPort: number }[];
}

export class Running {
  readonly child: ChildProcess;
  readonly exited: Promise<number>;
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.exited = new Promise((resolve) =>
      child.on('close', (code, signal) => resolve(code ?? (signal === null ? -1 : 137))),
    );
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }
}

/** Looks until the check returns without throwing; its last error is the test's. */
export async function eventually<T>(check: () => Promise<T> | T, withinMs = 30_000): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > until) throw error;
      await delay(50);
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function docker(...args: readonly string[]): Promise<string> {
  return (await execa('docker', [...args])).stdout;
}

async function dockerNames(kind: 'container' | 'network' | 'volume', project: string): Promise<readonly string[]> {
  const filter = [
    '--filter',
    `label=com.docker.compose.project=${project}`,
    '--format',
    kind === 'container' ? '{{.Names}}' : '{{.Name}}',
  ];
  const { stdout, exitCode } = await execa('docker', [kind, 'ls', ...(kind === 'container' ? ['-a'] : []), ...filter], {
    reject: false,
  });
  if (exitCode !== 0) return [];
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((name) => `${kind} ${name}`);
}

/** Supervisors of the project, by their command line. */
export function supervisors(project: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return args.includes('serve') && args.includes(project) && args.some((arg) => arg.includes('supervisor/main'));
      } catch {
        // ENOENT, ESRCH: the process ended while we looked.
        return false;
      }
    });
}

function listDirs(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
