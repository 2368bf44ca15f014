import type { ObservedInstance } from '../model/state.ts';
import type { PlanBuilder } from './builder.ts';

/** Stops and removes instances; several reasons to do so are one node. */
export class Removals {
  readonly #plan: PlanBuilder;
  readonly #graceMs: number | undefined;
  readonly #stops = new Map<string, number>();
  readonly #removes = new Map<string, number>();

  /** `graceMs` overrides what each service allows for its stop. */
  constructor(plan: PlanBuilder, graceMs: number | undefined) {
    this.#plan = plan;
    this.#graceMs = graceMs;
  }

  isStopped(instance: ObservedInstance): boolean {
    return this.#stops.has(instance.handle);
  }

  isRemoved(instance: ObservedInstance): boolean {
    return this.#removes.has(instance.handle);
  }

  stop(instance: ObservedInstance, graceMs: number, cause: string, needs: Iterable<number> = []): number {
    const known = this.#stops.get(instance.handle);
    if (known !== undefined) return known;
    const operation = { op: 'instance.stop', instance, graceMs: this.#graceMs ?? graceMs } as const;
    const node = this.#plan.add(operation, `service:${instance.id}`, cause, needs);
    this.#stops.set(instance.handle, node);
    return node;
  }

  remove(instance: ObservedInstance, graceMs: number, cause: string, needs: readonly number[] = []): number {
    const known = this.#removes.get(instance.handle);
    if (known !== undefined) return known;
    // What stops already for another reason may stop before what the removal needs.
    const more = this.isStopped(instance) ? needs : [];
    const stop = this.stop(instance, graceMs, cause, needs);
    const operation = { op: 'instance.remove', instance } as const;
    const node = this.#plan.add(operation, `service:${instance.id}`, cause, [stop, ...more]);
    this.#removes.set(instance.handle, node);
    return node;
  }
}
