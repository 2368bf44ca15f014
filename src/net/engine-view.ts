import type { Project, Service } from '../model/project.ts';
import type { ContainerEndpoint, EngineInfo, FabricEngine } from './fabric-engine.ts';
import { parseSubnet } from './ipv4.ts';
import type { Subnet } from './ipv4.ts';
import { untilAborted } from './until-aborted.ts';

/** The Engine, connected to when it is first needed. */
export type GetEngine = (signal: AbortSignal) => Promise<FabricEngine>;

/** What the fabric last saw of containers and networks. What cannot be read now stays as it was. */
export class EngineView {
  readonly #engine: GetEngine;
  #endpoints: readonly ContainerEndpoint[] = [];
  #subnets: ReadonlyMap<string, readonly Subnet[]> = new Map();
  #refreshedAt = -Infinity;
  #running: Promise<void> | undefined;
  #info: EngineInfo | undefined;

  constructor(engine: GetEngine) {
    this.#engine = engine;
  }

  get endpoints(): readonly ContainerEndpoint[] {
    return this.#endpoints;
  }

  /** By the Engine's network name. */
  get subnets(): ReadonlyMap<string, readonly Subnet[]> {
    return this.#subnets;
  }

  /** Asked once: an Engine does not change what it is. */
  async info(signal: AbortSignal): Promise<EngineInfo> {
    this.#info ??= await (await this.#engine(signal)).info(signal);
    return this.#info;
  }

  /** Reads again; in a project that needs no Engine there is nothing to read. */
  async refresh(project: Project, signal: AbortSignal): Promise<void> {
    if (!needsEngine(project)) return;
    const engine = await this.#engine(signal);
    const names = [...new Set(Object.values(project.networks).map((network) => network.name))];
    const [endpoints, subnets] = await Promise.all([
      engine.endpoints(project.name, names, signal),
      Promise.all(names.map(async (name) => [name, await readSubnets(engine, name, signal)] as const)),
    ]);
    this.#endpoints = endpoints;
    this.#subnets = new Map(subnets);
    this.#refreshedAt = performance.now();
  }

  /** What was read is of another project. */
  invalidate(): void {
    this.#refreshedAt = -Infinity;
  }

  /** Reads again unless that was done just now: for the questions of a busy guest, and for many that begin at once. */
  async refreshIfOld(project: Project, signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#refreshedAt < FRESH_MS) return;
    if (this.#running === undefined) {
      // Several wait for it, so it ends with none of their signals.
      this.#running = this.refresh(project, AbortSignal.timeout(REFRESH_MS)).finally(() => {
        this.#running = undefined;
      });
      // Nobody may be left to hear of a failure.
      this.#running.catch(() => {});
    }
    await untilAborted(this.#running, signal);
  }
}

/** Containers are the Engine's, and so are networks that somebody else made. */
export function needsEngine(project: Project): boolean {
  return lookThrough(project).needsEngine;
}

/** Keys of the service's networks on which something beside Wasm services can be: those need a relay. */
export function engineNetworks(project: Project, service: Service): readonly string[] {
  const { keys } = lookThrough(project);
  return service.networks.map(({ network }) => network).filter((key) => keys.has(key));
}

interface EngineSide {
  readonly needsEngine: boolean;
  readonly keys: ReadonlySet<string>;
}

/** Asked for each instance that joins: a project of many services is looked through once. */
const known = new WeakMap<Project, EngineSide>();

function lookThrough(project: Project): EngineSide {
  const before = known.get(project);
  if (before !== undefined) return before;
  const services = Object.values(project.services);
  const containers = services.filter(({ kind }) => kind === 'container');
  const keys = new Set([
    ...Object.entries(project.networks).flatMap(([key, { external }]) => (external ? [key] : [])),
    ...containers.flatMap(({ networks }) => networks.map(({ network }) => network)),
  ]);
  const isOnOne = services.some(({ networks }) => networks.some(({ network }) => keys.has(network)));
  const side = { needsEngine: containers.length > 0 || isOnOne, keys };
  known.set(project, side);
  return side;
}

async function readSubnets(engine: FabricEngine, name: string, signal: AbortSignal): Promise<readonly Subnet[]> {
  const found = await engine.subnets(name, signal);
  return found.map(parseSubnet).filter((subnet) => subnet !== undefined);
}

const FRESH_MS = 500;
const REFRESH_MS = 15_000;
