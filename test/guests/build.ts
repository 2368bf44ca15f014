import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const THREAD_FLAGS = [
  '-nostdlib',
  '-matomics',
  '-mbulk-memory',
  '-Wl,--import-memory,--shared-memory,--max-memory=67108864,--export=wasi_thread_start',
] as const;

/** Guests of the tests: C sources beside this file, compiled with nothing but an npm package. */
const GUESTS = {
  tool: { source: 'tool.c', flags: [] },
  'http-poll': { source: 'http-poll.c', flags: [] },
  'echo-accept': { source: 'echo-accept.c', flags: [] },
  'echo-v1': { source: 'echo-accept.c', flags: ['-DWASMEDGE_V1'] },
  client: { source: 'client.c', flags: [] },
  gateway: { source: 'gateway.c', flags: [] },
  limits: { source: 'limits.c', flags: [] },
  datagrams: { source: 'datagrams.c', flags: [] },
  wamr: { source: 'wamr.c', flags: [] },
  cgi: { source: 'cgi.c', flags: [] },
  threads: { source: 'threads.c', flags: THREAD_FLAGS },
} as const satisfies Readonly<Record<string, { readonly source: string; readonly flags: readonly string[] }>>;

export type GuestName = keyof typeof GUESTS;

/** Where the guest's module is; the global set-up has built it. */
export function guestPath(name: GuestName): string {
  return path.join(OUT, `${name}-${stamp(name)}.wasm`);
}

/** Compiles what has changed since it was last compiled. Two processes may do it at once. */
export async function buildGuests(): Promise<void> {
  for (const name of Object.keys(GUESTS) as GuestName[]) {
    const target = guestPath(name);
    if (existsSync(target)) continue;
    mkdirSync(OUT, { recursive: true });
    const temporary = `${target}.${randomBytes(4).toString('hex')}`;
    writeFileSync(temporary, await compile(name));
    renameSync(temporary, target);
  }
}

async function compile(name: GuestName): Promise<Uint8Array> {
  const { source, flags } = GUESTS[name];
  return await compileC(source, { [source]: read(source), 'sockets.h': read('sockets.h') }, [...FLAGS, ...flags]);
}

/** Compiles and links one file of C. */
export async function compileC(
  source: string,
  files: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<Uint8Array> {
  const { commands, runLLVM } = await import('@yowasp/clang');
  // Loads the compiler without telling of its progress on stdout.
  await runLLVM(undefined, {}, { fetchProgress: () => undefined });
  let diagnostics = '';
  const stderr = (bytes: Uint8Array | null): void => {
    if (bytes !== null) diagnostics += Buffer.from(bytes).toString();
  };
  try {
    const made = await commands.clang([...flags, source, '-o', 'out.wasm'], { ...files }, { stdout: stderr, stderr });
    const module = made?.['out.wasm'];
    if (module instanceof Uint8Array) return module;
  } catch (error) {
    throw new Error(`${source}: ${diagnostics || String(error)}`, { cause: error });
  }
  throw new Error(`${source}: the compiler made no module: ${diagnostics}`);
}

function stamp(name: GuestName): string {
  const { source, flags } = GUESTS[name];
  const hash = createHash('sha256');
  for (const part of [...FLAGS, ...flags, read('sockets.h'), read(source)]) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}

function read(file: string): string {
  return readFileSync(path.join(import.meta.dirname, file), 'utf8');
}

/** Function names stay in: backtraces show them. */
const FLAGS = ['-O2', '-Wall', '-Wno-unused-function'];
const OUT = path.join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'wcompose-guests');
