import { setTimeout as delay } from 'node:timers/promises';

import type { InstanceStats } from '../control/protocol.ts';
import type { ObservedInstance } from '../model/state.ts';
import type { InstanceUsage } from '../runtime/usage.ts';
import type { EngineAccess } from './engine-access.ts';
import type { WasmSide } from './wasm-side.ts';

export interface StatsParts {
  readonly engine: EngineAccess;
  readonly wasm: WasmSide;
  readonly list: (signal: AbortSignal) => Promise<readonly ObservedInstance[]>;
}

export interface StatsRequest {
  readonly services: readonly string[];
  /** Also what does not run. */
  readonly all: boolean;
}

/** CPU is measured over this time. */
const INTERVAL_MS = 1_000;

/** What the instances use, once a second until the signal. */
export async function* instanceStats(
  parts: StatsParts,
  request: StatsRequest,
  signal: AbortSignal,
): AsyncGenerator<{ readonly instances: readonly InstanceStats[] }> {
  let before: ReadonlyMap<string, InstanceUsage> = new Map();
  for (let first = true; !signal.aborted; first = false) {
    const instances = (await parts.list(signal)).filter(
      ({ service, state }) =>
        (request.services.length === 0 || request.services.includes(service)) &&
        (request.all || state.at === 'running'),
    );
    const now = await measure(parts, instances, signal);
    // A share of the CPU takes two looks.
    if (!first) {
      yield {
        instances: instances.map((one) => toStats(one, before.get(keyOf(one)), now.get(keyOf(one)))),
      };
    }
    before = now;
    await pause(signal);
  }
}

async function measure(
  { engine, wasm }: StatsParts,
  instances: readonly ObservedInstance[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, InstanceUsage>> {
  const measured = await Promise.all(
    instances.map(async (instance) => {
      if (instance.state.at !== 'running') return [];
      const runtime = instance.kind === 'wasm' ? wasm.runtime : (await engine.get(signal)).runtime;
      const usage = await runtime.usage(instance.handle, signal);
      return usage === undefined ? [] : [[keyOf(instance), usage] as const];
    }),
  );
  return new Map(measured.flat());
}

/** Counters begin anew with each run. */
function keyOf({ handle, state }: ObservedInstance): string {
  return `${handle} ${state.at === 'running' ? state.since : ''}`;
}

function toStats(
  { id, handle, name, service, kind, state }: ObservedInstance,
  before: InstanceUsage | undefined,
  usage: InstanceUsage | undefined,
): InstanceStats {
  const { cpu: _cpu, ...rest } = usage ?? {};
  return {
    id: kind === 'container' ? handle : id,
    name,
    service,
    kind,
    isRunning: state.at === 'running',
    cpuPercent: cpuPercent(before, usage),
    ...rest,
  };
}

/** Of one processor: a guest with two busy threads has 200. */
export function cpuPercent(before: InstanceUsage | undefined, after: InstanceUsage | undefined): number | undefined {
  const [from, to] = [before?.cpu, after?.cpu];
  if (from === undefined || to === undefined || to.atMs <= from.atMs) return undefined;
  return Math.max(0, ((to.usedMs - from.usedMs) / (to.atMs - from.atMs)) * 100);
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await delay(INTERVAL_MS, undefined, { signal });
  } catch {
    // AbortError: the loop looks at the signal.
  }
}
