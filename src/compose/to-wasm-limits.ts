import type { WasmLimits } from '../model/project.ts';
import type { Conversion } from './conversion.ts';
import { child, entriesOf, numberOf, textOf } from './node.ts';
import type { Node } from './node.ts';
import type { Path } from './source-file.ts';

/** `cpus` and its relatives, `pids_limit` and `ulimits.nofile`; undefined where none is said. */
export function limitsOf(node: Node, path: Path, conversion: Conversion): WasmLimits | undefined {
  const limits = {
    cpus: cpus(node, path, conversion),
    threads: threads(node),
    descriptors: descriptors(node, path, conversion),
  };
  return Object.values(limits).every((limit) => limit === undefined) ? undefined : limits;
}

/** The kernel's own period, where none is said. */
const PERIOD_US = 100_000;

function cpus(node: Node, path: Path, conversion: Conversion): number | undefined {
  const quota = child(node, 'cpu_quota');
  const deployed = child(node, 'deploy', 'resources', 'limits', 'cpus');
  const said = child(node, 'cpus') ?? deployed ?? quota;
  if (said === undefined) return undefined;
  const share =
    said === quota ? (numberOf(quota) ?? 0) / (numberOf(child(node, 'cpu_period')) ?? PERIOD_US) : numeric(said);
  if (!(share > 0)) return undefined;
  if (textOf(child(node, 'x-wasm', 'isolation')) !== 'process') {
    const key =
      said === quota ? ['cpu_quota'] : said === deployed ? ['deploy', 'resources', 'limits', 'cpus'] : ['cpus'];
    const hint = 'is ignored for a thread; a process of its own is held to it: x-wasm: {isolation: process}';
    conversion.warn(said, [...path, ...key], hint);
  }
  return share;
}

function threads(node: Node): number | undefined {
  const said = child(node, 'pids_limit') ?? child(node, 'deploy', 'resources', 'limits', 'pids');
  const count = numeric(said);
  return count > 0 ? count : undefined;
}

/** Also the text that an interpolated value is; NaN where nothing is said. */
function numeric(node: Node | undefined): number {
  return numberOf(node) ?? Number(textOf(node));
}

/** The soft limit: what a program without rights is held to. */
function descriptors(node: Node, path: Path, conversion: Conversion): number | undefined {
  let found: number | undefined;
  for (const [name, value] of entriesOf(child(node, 'ulimits'))) {
    if (name === 'nofile') found = numberOf(child(value, 'soft')) ?? numberOf(value);
    else conversion.warn(value, [...path, 'ulimits', name], 'is ignored for a Wasm service: only nofile is held');
  }
  return found !== undefined && found > 0 ? found : undefined;
}
