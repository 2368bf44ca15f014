import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ExecRequest } from './exec.ts';

/** One module of the suite with what it has to do. */
export interface SuiteCase {
  /** `rust/fd_readdir` */
  readonly name: string;
  readonly wasm: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The directory that a copy of is preopened as `/`. */
  readonly root: string | undefined;
  readonly exitCode: number;
  /** What the outputs begin with; undefined where the suite does not say. */
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
}

/** The preview1 modules below `suite`, a checkout of the branch that has the prebuilt modules; sorted by name. */
export function readSuite(suite: string): readonly SuiteCase[] {
  const tests = path.join(suite, 'tests');
  const cases: SuiteCase[] = [];
  for (const language of fs.readdirSync(tests)) {
    const directory = path.join(tests, language, 'testsuite', 'wasm32-wasip1');
    if (!fs.existsSync(directory)) continue;
    for (const file of fs.readdirSync(directory)) {
      if (file.endsWith('.wasm')) cases.push(readCase(language, path.join(directory, file)));
    }
  }
  return cases.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

interface Specification {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string | null;
  readonly exit_code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly operations?: unknown;
}

function readCase(language: string, wasm: string): SuiteCase {
  const json = wasm.replace(/\.wasm$/, '.json');
  const specification = fs.existsSync(json) ? (JSON.parse(fs.readFileSync(json, 'utf8')) as Specification) : {};
  if (specification.operations !== undefined) throw new Error(`${json}: "operations" are not understood here`);
  const { root } = specification;
  return {
    name: `${language}/${path.basename(wasm, '.wasm')}`,
    wasm,
    args: specification.args ?? [],
    env: specification.env ?? {},
    root: root === undefined || root === null ? undefined : path.join(path.dirname(wasm), root),
    exitCode: specification.exit_code ?? 0,
    stdout: specification.stdout,
    stderr: specification.stderr,
  };
}

const EXEC = path.join(import.meta.dirname, 'exec.ts');
const TIMEOUT_MS = 30_000;

/** Runs it in a process and a directory of its own. Returns what went wrong; nothing for a pass. */
export async function runCase(it: SuiteCase, files: 'host' | 'memory', signal: AbortSignal): Promise<string> {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'wcompose-suite-'));
  try {
    const root = it.root === undefined ? undefined : path.join(base, 'root');
    if (it.root !== undefined && root !== undefined) fs.cpSync(it.root, root, { recursive: true });
    const request: ExecRequest = { wasm: it.wasm, args: it.args, env: it.env, root: root ?? null, files };
    const { code, stdout, stderr } = await exec(JSON.stringify(request), signal);
    const wrong: string[] = [];
    if (code !== it.exitCode) wrong.push(`exit code ${code}, not ${it.exitCode}`);
    if (it.stdout !== undefined && !stdout.startsWith(it.stdout)) wrong.push(`stdout ${JSON.stringify(stdout)}`);
    if (it.stderr !== undefined && !stderr.startsWith(it.stderr)) wrong.push(`stderr ${JSON.stringify(stderr)}`);
    return wrong.length === 0 ? '' : [...wrong, stderr].join('\n');
  } finally {
    fs.rmSync(base, { recursive: true, force: true });
  }
}

interface Ended {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function exec(request: string, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { signal, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
    execFile(process.execPath, [EXEC, request], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : (error.code ?? error.signal ?? error.message);
      resolve({ code, stdout, stderr });
    }).stdin?.end();
  });
}
