import { readFile, rm } from 'node:fs/promises';

import type { ObservedInstance } from '../model/state.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';

/**
 * Wasm instances live in the supervisor and end with it. What it ran is written down, so that the next process can
 * tell an instance that finished from one whose supervisor was killed. For containers the Engine knows.
 */
export class WasmRecord {
  readonly #path: string;
  #text: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes when something but the passing of time changed. */
  async write(instances: readonly ObservedInstance[]): Promise<void> {
    const text = `${JSON.stringify({ version: 1, instances } satisfies StoredRecord)}\n`;
    if (text === this.#text) return;
    await writeFileAtomic(this.#path, text);
    this.#text = text;
  }

  /** The instances of an earlier process; the ones that had not ended are lost. */
  async readEnded(): Promise<readonly ObservedInstance[]> {
    const stored = parse(await readText(this.#path));
    return stored.map((instance) => (instance.state.at === 'exited' ? instance : lost(instance)));
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
    this.#text = undefined;
  }
}

interface StoredRecord {
  readonly version: 1;
  readonly instances: readonly ObservedInstance[];
}

function lost(instance: ObservedInstance): ObservedInstance {
  return {
    ...instance,
    state: { at: 'exited', exit: { how: 'lost', reason: 'its supervisor ended' }, since: 0 },
    ports: [],
    addresses: {},
  };
}

/** A record that cannot be read says nothing; the next write replaces it. */
function parse(text: string | undefined): readonly ObservedInstance[] {
  if (text === undefined) return [];
  try {
    const stored = JSON.parse(text) as StoredRecord;
    return stored.version === 1 ? stored.instances : [];
  } catch {
    // SyntaxError: a disk that broke in the middle; the file is written atomically otherwise.
    return [];
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
