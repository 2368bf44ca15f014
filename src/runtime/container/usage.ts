import type { InstanceUsage } from '../usage.ts';
import type { Engine } from './engine.ts';
import { explained, isStatus } from './errors.ts';

/** What the Engine measures of a container; the parts of it that are used. */
export interface StatsReply {
  readonly read: string;
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly pids_stats?: { readonly current?: number };
}

/** Undefined for a container that does not run or is gone. */
export async function containerUsage(
  engine: Engine,
  handle: string,
  signal: AbortSignal,
): Promise<InstanceUsage | undefined> {
  // Without `one-shot` the Engine measures twice, a second apart.
  const query = { stream: false, 'one-shot': true };
  try {
    return await explained({ doing: `measure container ${handle.slice(0, 12)}` }, async () =>
      toUsage(await engine.request<StatsReply>('GET', `/containers/${handle}/stats`, { query }, signal)),
    );
  } catch (error) {
    if (error instanceof Error && isStatus(error.cause, 404, 409)) return undefined;
    throw error;
  }
}

/** Undefined: what does not run has no memory. */
export function toUsage(reply: StatsReply): InstanceUsage | undefined {
  const memory = reply.memory_stats;
  if (memory?.usage === undefined) return undefined;
  const used = reply.cpu_stats?.cpu_usage?.total_usage ?? 0;
  const networks = Object.values(reply.networks ?? {});
  return {
    cpu: { atMs: Date.parse(reply.read), usedMs: used / 1_000_000 },
    memoryBytes: memory.usage - cachedBytes(memory.usage, memory.stats ?? {}),
    memoryLimitBytes: memory.limit,
    receivedBytes: sum(networks.map((network) => network.rx_bytes)),
    sentBytes: sum(networks.map((network) => network.tx_bytes)),
    readBytes: blockBytes(reply, 'read'),
    writtenBytes: blockBytes(reply, 'write'),
    tasks: reply.pids_stats?.current,
  };
}

/** Pages of files that the kernel would give up at once, as docker leaves them out: of version 1, then of version 2. */
function cachedBytes(usage: number, stats: Readonly<Record<string, number>>): number {
  for (const name of ['total_inactive_file', 'inactive_file']) {
    const bytes = stats[name];
    if (bytes !== undefined && bytes < usage) return bytes;
  }
  return 0;
}

function blockBytes(reply: StatsReply, op: string): number {
  const all = reply.blkio_stats?.io_service_bytes_recursive ?? [];
  return sum(all.filter((one) => one.op.toLowerCase() === op).map((one) => one.value));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
