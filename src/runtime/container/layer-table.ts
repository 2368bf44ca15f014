import type { LayerProgress, Progress } from '../runtime.ts';
import type { PullMessage } from './engine-api.ts';

/** The layers of one pull or push, as the Engine tells of them one by one. */
export class LayerTable {
  readonly #moves: string;
  readonly #ends: RegExp;
  readonly #layers = new Map<string, { status: string; done: number; total: number }>();

  constructor(direction: 'pull' | 'push') {
    this.#moves = direction === 'pull' ? 'Downloading' : 'Pushing';
    this.#ends =
      direction === 'pull' ? /^(?:Pull complete|Already exists)$/ : /^(?:Pushed|Layer already exists|Mounted from .*)$/;
  }

  /** True when something has changed that is worth telling. */
  take({ id, status, progressDetail }: PullMessage): boolean {
    // `latest: Pulling from library/redis` has the tag for an id.
    if (id === undefined || status === undefined || status.startsWith('Pulling from')) return false;
    const layer = this.#layers.get(id) ?? { status: '', done: 0, total: 0 };
    this.#layers.set(id, layer);
    const { current, total } = progressDetail ?? {};
    // Bytes of the transfer only: a layer is counted from 0 again when it is unpacked.
    if (status === this.#moves && current !== undefined && total !== undefined && total > 0) {
      Object.assign(layer, { done: Math.min(current, total), total });
    } else if (status === 'Download complete' || this.#ends.test(status)) layer.done = layer.total;
    else if (layer.status === status) return false;
    layer.status = status;
    return true;
  }

  progress(verb: string): Progress {
    const layers: LayerProgress[] = [...this.#layers].map(([id, layer]) => ({ id, ...layer }));
    const done = layers.filter(({ status }) => this.#ends.test(status)).length;
    return {
      step: done === 0 ? verb : `${verb} (${done} of ${layers.length} layers)`,
      done: layers.reduce((sum, one) => sum + one.done, 0),
      total: layers.reduce((sum, one) => sum + one.total, 0),
      layers,
    };
  }
}
