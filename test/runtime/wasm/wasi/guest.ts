import { WasiHost, type HostOptions } from '../../../../src/runtime/wasm/wasi/host.ts';
import { assemble, op } from './assembler.ts';

/** Parameters of all functions of WASI preview1: 'i' i32, 'I' i64. All but proc_exit return an errno. */
export const SIGNATURES = {
  args_get: 'ii',
  args_sizes_get: 'ii',
  environ_get: 'ii',
  environ_sizes_get: 'ii',
  clock_res_get: 'ii',
  clock_time_get: 'iIi',
  fd_advise: 'iIIi',
  fd_allocate: 'iII',
  fd_close: 'i',
  fd_datasync: 'i',
  fd_fdstat_get: 'ii',
  fd_fdstat_set_flags: 'ii',
  fd_fdstat_set_rights: 'iII',
  fd_filestat_get: 'ii',
  fd_filestat_set_size: 'iI',
  fd_filestat_set_times: 'iIIi',
  fd_pread: 'iiiIi',
  fd_prestat_get: 'ii',
  fd_prestat_dir_name: 'iii',
  fd_pwrite: 'iiiIi',
  fd_read: 'iiii',
  fd_readdir: 'iiiIi',
  fd_renumber: 'ii',
  fd_seek: 'iIii',
  fd_sync: 'i',
  fd_tell: 'ii',
  fd_write: 'iiii',
  path_create_directory: 'iii',
  path_filestat_get: 'iiiii',
  path_filestat_set_times: 'iiiiIIi',
  path_link: 'iiiiiii',
  path_open: 'iiiiiIIii',
  path_readlink: 'iiiiii',
  path_remove_directory: 'iii',
  path_rename: 'iiiiii',
  path_symlink: 'iiiii',
  path_unlink_file: 'iii',
  poll_oneoff: 'iiii',
  proc_exit: 'i',
  proc_raise: 'i',
  random_get: 'ii',
  sched_yield: '',
  sock_accept: 'iii',
  sock_recv: 'iiiiii',
  sock_send: 'iiiii',
  sock_shutdown: 'ii',
} as const;
export type FunctionName = keyof typeof SIGNATURES;

/** A module that imports everything and exports it again: a guest that a test drives from JavaScript. */
export function trampoline(module: 'wasi_snapshot_preview1' | 'wasi_unstable'): Uint8Array<ArrayBuffer> {
  const names = Object.keys(SIGNATURES) as FunctionName[];
  const signatureOf = (name: FunctionName) => ({ params: SIGNATURES[name], results: name === 'proc_exit' ? '' : 'i' });
  return assemble({
    imports: names.map((name) => ({ module, name, signature: signatureOf(name) })),
    functions: names.map((name, i) => ({
      signature: signatureOf(name),
      body: [...Array.from(SIGNATURES[name], (_, local) => op.local(local)).flat(), ...op.call(i)],
      exportAs: name,
    })),
    memoryPages: 4,
  });
}

const compiledModules = new Map<string, Promise<WebAssembly.Module>>();

function compiledTrampoline(module: Parameters<typeof trampoline>[0]): Promise<WebAssembly.Module> {
  const known = compiledModules.get(module) ?? WebAssembly.compile(trampoline(module));
  compiledModules.set(module, known);
  return known;
}

/** What memory holds before a test: what is not '?' afterwards, the host wrote. */
export const SENTINEL = '?';
/** Where strings and results of the helpers live; a test's own pointers stay below. */
const SCRATCH = 0x8000;

export class TestGuest {
  readonly host: WasiHost;
  readonly #instance: WebAssembly.Instance;

  private constructor(host: WasiHost, instance: WebAssembly.Instance) {
    this.host = host;
    this.#instance = instance;
  }

  static async start(
    options: Partial<HostOptions> = {},
    module: 'wasi_snapshot_preview1' | 'wasi_unstable' = 'wasi_snapshot_preview1',
  ): Promise<TestGuest> {
    const host = new WasiHost({
      args: ['guest'],
      env: [],
      stdout: () => undefined,
      stderr: () => undefined,
      mounts: [],
      ...options,
    });
    const compiled = await compiledTrampoline(module);
    const instance = await WebAssembly.instantiate(compiled, host.imports(compiled));
    host.memory.bind(instance.exports['memory'] as WebAssembly.Memory);
    host.memory.bytes.fill(SENTINEL.charCodeAt(0));
    return new TestGuest(host, instance);
  }

  /** Calls a function that does not wait. */
  call(name: FunctionName, ...args: (number | bigint)[]): number {
    return (this.#instance.exports[name] as (...args: (number | bigint)[]) => number)(...args);
  }

  /** Calls any function, on a stack that can be suspended. */
  async wait(name: FunctionName, ...args: (number | bigint)[]): Promise<number> {
    return (await WebAssembly.promising(this.#instance.exports[name])(...args)) as number;
  }

  /** Calls with strings, each of which becomes a pointer and a length. */
  path(name: FunctionName, ...args: (number | bigint | string)[]): number {
    let at = SCRATCH;
    return this.call(
      name,
      ...args.flatMap((arg) => {
        if (typeof arg !== 'string') return [arg];
        const bytes = Buffer.from(arg, 'utf8');
        this.bytes.set(bytes, at);
        at += bytes.length;
        return [at - bytes.length, bytes.length];
      }),
    );
  }

  /** Opens a path below fd 3; returns its descriptor or a negated errno. */
  open(
    path: string,
    options: { dir?: number; follow?: boolean; oflags?: number; rights?: bigint; fdflags?: number } = {},
  ): number {
    const { dir = 3, follow = true, oflags = 0, rights = READ, fdflags = 0 } = options;
    const errno = this.path('path_open', dir, follow ? 1 : 0, path, oflags, rights, -1n, fdflags, RESULT);
    return errno === 0 ? this.view.getUint32(RESULT, true) : -errno;
  }

  /** Writes to a descriptor; returns how much, or a negated errno. */
  async write(fd: number, text: string): Promise<number> {
    const bytes = Buffer.from(text);
    this.bytes.set(bytes, SCRATCH);
    this.vector(SCRATCH, bytes.length);
    const errno = await this.wait('fd_write', fd, VECTOR, 1, RESULT);
    return errno === 0 ? this.view.getUint32(RESULT, true) : -errno;
  }

  /** Reads at most `length` bytes; a number is a negated errno. */
  async read(fd: number, length = 4096): Promise<string | number> {
    this.vector(SCRATCH, length);
    const errno = await this.wait('fd_read', fd, VECTOR, 1, RESULT);
    if (errno !== 0) return -errno;
    return Buffer.from(this.bytes.slice(SCRATCH, SCRATCH + this.view.getUint32(RESULT, true))).toString();
  }

  vector(pointer: number, length: number): void {
    this.vectors([pointer, length]);
  }

  /** Lays an array of buffers out at VECTOR. */
  vectors(...buffers: readonly (readonly [pointer: number, length: number])[]): void {
    for (const [i, [pointer, length]] of buffers.entries()) {
      this.view.setUint32(VECTOR + i * 8, pointer, true);
      this.view.setUint32(VECTOR + i * 8 + 4, length, true);
    }
  }

  /** As a guest's allocator does while it runs. */
  grow(): void {
    (this.#instance.exports['memory'] as WebAssembly.Memory).grow(1);
  }

  get view(): DataView {
    return this.host.memory.view;
  }

  get bytes(): Uint8Array {
    return this.host.memory.bytes;
  }

  text(pointer: number, length: number): string {
    return Buffer.from(this.bytes.slice(pointer, pointer + length)).toString('latin1');
  }
}

export const RESULT = 0x7f00;
export const VECTOR = 0x7f10;
export const READ = 1n << 1n;
export const WRITE = 1n << 6n;
export const CREATE = 1;
export const DIRECTORY = 2;
export const EXCLUSIVE = 4;
export const TRUNCATE = 8;
