import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Mount } from '../../../../../src/runtime/wasm/wasi/fs/directory.ts';
import { HostDirectory } from '../../../../../src/runtime/wasm/wasi/fs/host-directory.ts';
import { memoryRoot } from '../../../../../src/runtime/wasm/wasi/fs/memory-directory.ts';
import { TestGuest } from '../guest.ts';

/** A volume of the host with something beside it that no guest may reach. */
export class HostVolume {
  readonly base = fs.mkdtempSync(path.join(os.tmpdir(), 'wcompose-volume-'));
  readonly inside = path.join(this.base, 'inside');
  readonly outside = path.join(this.base, 'outside');

  constructor() {
    fs.mkdirSync(this.inside);
    fs.mkdirSync(path.join(this.outside, 'dir'), { recursive: true });
    fs.writeFileSync(path.join(this.outside, 'secret'), 'secret');
  }

  mount(readOnly = false, guestPath = '/'): Mount {
    return { guestPath, directory: HostDirectory.openRoot(this.inside, readOnly) };
  }

  guest(readOnly = false): Promise<TestGuest> {
    return TestGuest.start({ mounts: [this.mount(readOnly)] });
  }

  /** All that is outside, with contents and times: what must be the same after any attack. */
  outsideState(): string {
    const lines: string[] = [];
    const note = (at: string): void => {
      const stat = fs.lstatSync(at);
      lines.push(`${path.relative(this.base, at)} ${stat.mode} ${stat.nlink} ${stat.mtimeMs}`);
      if (stat.isFile()) lines.push(fs.readFileSync(at, 'utf8'));
      if (stat.isDirectory()) for (const name of fs.readdirSync(at).toSorted()) note(path.join(at, name));
    };
    note(this.outside);
    lines.push(fs.readdirSync(this.base).toSorted().join(' '));
    return lines.join('\n');
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.base, { recursive: true, force: true });
  }
}

export function memoryMount(guestPath = '/', limitBytes?: number): Mount {
  let time = 1_000_000_000n;
  return { guestPath, directory: memoryRoot({ nowNs: () => time++, limitBytes }) };
}

/** How many descriptors this process has open: a walk must not leave one behind. */
export function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length;
}
