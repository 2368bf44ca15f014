import type { ExitStatus } from '../../../model/state.ts';
import type { Network } from '../net/network.ts';
import type { Clock } from '../wasi/clock.ts';
import { DescriptorTable } from '../wasi/descriptor-table.ts';
import type { Mount } from '../wasi/fs/directory.ts';
import { ProcessExit } from '../wasi/proc.ts';
import { InputStream } from '../wasi/stdio.ts';
import { noteDeepStacks, trapStatus } from '../wasi/trap.ts';
import { GuestStopped, Waiters } from '../wasi/waiters.ts';
import type { ComponentGuest } from './host/interface.ts';
import { type ComponentInstance, InstanceMaker, type LinkableComponent } from './instance.ts';

export interface ComponentOptions {
  readonly args: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
  readonly workingDir: string | undefined;
  readonly clock: Clock;
  /** Closed when the guest has ended. */
  readonly mount: Mount;
  readonly descriptorLimit?: number | undefined;
  /** Called before the guest may go on. */
  readonly onTurn?: (() => void) | undefined;
  readonly stdinOpen?: boolean | undefined;
  network(waiters: Waiters): Network;
  stdout(chunk: Uint8Array): void | Promise<void>;
  stderr(chunk: Uint8Array): void | Promise<void>;
}

/** A component and everything its instances can see. They are the parts of one guest: what one opens counts for all. */
export class ComponentHost implements ComponentGuest {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string | undefined;
  readonly clock: Clock;
  readonly waiters: Waiters;
  readonly table: DescriptorTable;
  readonly stdin: InputStream;
  readonly root: Mount['directory'];
  readonly network: Network;
  readonly #options: ComponentOptions;
  readonly #instances = new Set<ComponentInstance>();

  constructor(options: ComponentOptions) {
    noteDeepStacks();
    this.#options = options;
    this.args = options.args;
    this.env = options.env;
    this.workingDir = options.workingDir;
    this.clock = options.clock;
    this.waiters = new Waiters(options.onTurn);
    this.table = new DescriptorTable(options.descriptorLimit);
    this.stdin = new InputStream(this.waiters, options.stdinOpen === true);
    this.root = options.mount.directory;
    this.network = options.network(this.waiters);
    this.table.add(this.stdin);
  }

  stdout(chunk: Uint8Array): void | Promise<void> {
    return this.#options.stdout(chunk);
  }

  stderr(chunk: Uint8Array): void | Promise<void> {
    return this.#options.stderr(chunk);
  }

  /** Of all its instances. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const instance of this.#instances) bytes += instance.memoryBytes;
    return bytes;
  }

  /** For `remove` to take back. Throws the trap of a start function. */
  instantiate(maker: InstanceMaker): ComponentInstance {
    this.#options.onTurn?.();
    const instance = maker.create(this);
    this.#instances.add(instance);
    return instance;
  }

  remove(instance: ComponentInstance): void {
    this.#instances.delete(instance);
    instance.close();
  }

  /** Runs a command to its end and closes. Rejects only when the host itself is at fault. */
  async runCommand(component: LinkableComponent): Promise<ExitStatus> {
    try {
      const maker = new InstanceMaker(component);
      const run = maker.find('wasi:cli/run', 'run');
      if (run === undefined) throw new Error('the component does not export wasi:cli/run');
      const instance = this.instantiate(maker);
      try {
        const result = (await instance.call(run, [])) as { readonly tag: string };
        return { how: 'code', code: result.tag === 'ok' ? 0 : 1 };
      } finally {
        this.remove(instance);
      }
    } catch (error) {
      return exitStatus(error);
    } finally {
      this.close();
    }
  }

  /** Ends all instances at their next call or in the one that they wait in. */
  stop(): void {
    this.waiters.stop();
  }

  close(): void {
    this.waiters.stop();
    this.table.closeAll();
    this.root.close();
  }
}

/** How a guest ended; throws the error when it is the host's own. */
export function exitStatus(error: unknown): ExitStatus {
  if (error instanceof ProcessExit) return { how: 'code', code: error.code };
  if (error instanceof GuestStopped) return { how: 'killed' };
  const trap = trapStatus(error);
  if (trap === undefined) throw error;
  return trap;
}
