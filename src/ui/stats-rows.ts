import type { InstanceStats } from '../control/protocol.ts';

export const STATS_HEADER = [
  'CONTAINER ID',
  'NAME',
  'CPU %',
  'MEM USAGE / LIMIT',
  'MEM %',
  'NET I/O',
  'BLOCK I/O',
  'PIDS',
  'FDS',
  'CONNS',
] as const;

/** What is not known, or not measured for this kind of instance. */
const NONE = '--';

/** docker's columns, and two that only Wasm services have. */
export function statsRow(stats: InstanceStats, full: boolean): readonly string[] {
  const json = statsJson(stats);
  return [
    full ? json.ID : json.ID.slice(0, stats.kind === 'container' ? 12 : undefined),
    json.Name,
    json.CPUPerc,
    json.MemUsage,
    json.MemPerc,
    json.NetIO,
    json.BlockIO,
    json.PIDs,
    json.FDs,
    json.Connections,
  ];
}

/** docker's keys, and `Kind`, `Service`, `FDs` and `Connections`. */
export function statsJson(stats: InstanceStats): Readonly<Record<StatsKey, string>> {
  const { memoryBytes, memoryLimitBytes, cpuPercent } = stats;
  const share =
    memoryBytes === undefined || memoryLimitBytes === undefined || memoryLimitBytes <= 0
      ? undefined
      : (memoryBytes / memoryLimitBytes) * 100;
  return {
    BlockIO: pair(stats.readBytes, stats.writtenBytes, decimalSize),
    CPUPerc: percent(cpuPercent),
    Connections: count(stats.connections),
    Container: stats.id,
    FDs: count(stats.descriptors),
    ID: stats.id,
    Kind: stats.kind,
    MemPerc: percent(share),
    MemUsage: pair(memoryBytes, memoryLimitBytes, binarySize),
    Name: stats.name,
    NetIO: pair(stats.receivedBytes, stats.sentBytes, decimalSize),
    PIDs: count(stats.tasks),
    Service: stats.service,
  };
}

type StatsKey =
  | 'BlockIO'
  | 'CPUPerc'
  | 'Connections'
  | 'Container'
  | 'FDs'
  | 'ID'
  | 'Kind'
  | 'MemPerc'
  | 'MemUsage'
  | 'Name'
  | 'NetIO'
  | 'PIDs'
  | 'Service';

function percent(value: number | undefined): string {
  return value === undefined ? NONE : `${value.toFixed(2)}%`;
}

function count(value: number | undefined): string {
  return value === undefined ? NONE : String(value);
}

function pair(one: number | undefined, other: number | undefined, show: (bytes: number) => string): string {
  return `${one === undefined ? NONE : show(one)} / ${other === undefined ? NONE : show(other)}`;
}

/** `1.04kB`, `12.3MB`: three digits, as docker prints what went over a wire. */
function decimalSize(bytes: number): string {
  return withUnit(bytes, 1_000, ['B', 'kB', 'MB', 'GB', 'TB'], 3);
}

/** `3.129MiB`: four digits, as docker prints memory. */
function binarySize(bytes: number): string {
  return withUnit(bytes, 1_024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], 4);
}

function withUnit(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= base && unit < units.length - 1; unit++) value /= base;
  return `${Number(value.toPrecision(digits))}${units[unit] ?? ''}`;
}
