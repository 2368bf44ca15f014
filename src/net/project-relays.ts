import { parseInstanceId } from '../model/ids.ts';
import type { InstanceId, ProjectName } from '../model/ids.ts';
import type { Project } from '../model/project.ts';
import { engineNetworks } from './engine-view.ts';
import type { GetEngine } from './engine-view.ts';
import type { EngineInfo, RelayContainer } from './fabric-engine.ts';
import { planeOf } from './plane.ts';
import type { Plane, PlaneChoice } from './plane.ts';
import type { Peer } from './policy.ts';
import type { RelayNetwork, RelaySpec } from './relay/container.ts';
import { RelayKeeper } from './relay/keeper.ts';
import { RelayLostError } from './relay/relay-errors.ts';
import type { RelayStream } from './relay/relay-stream.ts';

export interface RelaysOptions {
  readonly project: ProjectName;
  readonly engine: GetEngine;
  readonly info: (signal: AbortSignal) => Promise<EngineInfo>;
  readonly plane: PlaneChoice;
  readonly onNotice: (message: string) => void;
}

interface Member extends Peer {
  readonly socketDir: string;
  readonly listening: ReadonlySet<number>;
}

/** The relay containers of one project: each instance has one exactly while something in the Engine can see it. */
export class ProjectRelays {
  readonly #options: RelaysOptions;
  readonly #keepers = new Map<InstanceId, RelayKeeper>();
  #swept: Promise<void> | undefined;
  #toldNotNative = false;

  constructor(options: RelaysOptions) {
    this.#options = options;
  }

  /** Starts, replaces or ends the instance's relay, as the project's networks want it now. */
  async follow(project: Project, member: Member, signal: AbortSignal): Promise<void> {
    const networks = relayNetworks(project, member);
    const present = this.#keepers.get(member.id);
    if (present !== undefined && sameNetworks(present.spec.networks, networks)) return;
    await this.leave(member.id, signal);
    if (networks.length === 0) return;
    const engine = await this.#options.engine(signal);
    const info = await this.#options.info(signal);
    const plane = planeOf(this.#options.plane, info);
    if (plane === 'unix' && !info.native) {
      this.#sayNotNative(member.id, info);
      return;
    }
    await this.#sweepOnce(signal);
    const spec = relaySpec(project, member, networks, plane);
    const keeper = new RelayKeeper({ spec, engine, onNotice: this.#options.onNotice });
    this.#keepers.set(member.id, keeper);
    try {
      await keeper.start(member.listening, signal);
    } catch (error) {
      this.#keepers.delete(member.id);
      await keeper.stop(AbortSignal.timeout(CLEANUP_MS));
      throw error;
    }
  }

  has(id: InstanceId): boolean {
    return this.#keepers.has(id);
  }

  async leave(id: InstanceId, signal: AbortSignal): Promise<void> {
    const keeper = this.#keepers.get(id);
    this.#keepers.delete(id);
    await keeper?.stop(signal);
  }

  async setListening(id: InstanceId, port: number, listening: boolean, signal: AbortSignal): Promise<void> {
    await this.#keepers.get(id)?.setListening(port, listening, signal);
  }

  /** Connects from where the instance's relay is. Throws RelayRefusedError with the errno, or RelayLostError. */
  async dial(id: InstanceId, address: string, port: number, signal: AbortSignal): Promise<RelayStream> {
    const keeper = this.#keepers.get(id);
    if (keeper === undefined) throw new RelayLostError('there is none');
    return await keeper.dial(address, port, signal);
  }

  /** Those that no instance uses, and those that somebody disconnected from a network: their keepers replace them. */
  async removeStale(signal: AbortSignal): Promise<void> {
    const engine = await this.#options.engine(signal);
    const keepers = new Map([...this.#keepers.values()].map((keeper) => [keeper.spec.name, keeper]));
    const found = await engine.relays(this.#options.project, signal);
    const stale = found.filter((relay) => {
      const keeper = keepers.get(relay.name);
      return keeper === undefined || isCutOff(relay, keeper);
    });
    await Promise.all(stale.map(async ({ id }) => await engine.removeContainer(id, signal)));
  }

  /** Before the first relay: one of a dead supervisor would still answer to names under which ours come. */
  async #sweepOnce(signal: AbortSignal): Promise<void> {
    this.#swept ??= this.removeStale(signal).catch((error: unknown) => {
      this.#swept = undefined;
      throw error;
    });
    await this.#swept;
  }

  #sayNotNative(id: InstanceId, info: EngineInfo): void {
    if (this.#toldNotNative) return;
    this.#toldNotNative = true;
    this.#options.onNotice(
      `containers cannot connect to ${id} and other Wasm services: ${notNative(info)}; unset WCOMPOSE_NET`,
    );
  }
}

/** Why this Engine and the Wasm services cannot reach each other by unix sockets and bridge addresses. */
export function notNative(info: EngineInfo): string {
  return info.rootless
    ? 'the Docker Engine is rootless, and its networks are not those of this machine'
    : 'the Docker Engine does not run on this machine itself';
}

const CLEANUP_MS = 10_000;

function relayNetworks(project: Project, member: Member): readonly RelayNetwork[] {
  const { service, id } = member;
  const needed = new Set(engineNetworks(project, service));
  const first = parseInstanceId(id).index === 1;
  return (
    service.networks
      .filter(({ network }) => needed.has(network))
      .map(({ network, aliases, ipv4Address }) => ({
        name: project.networks[network]?.name ?? network,
        aliases: [
          ...new Set([
            service.name,
            ...(service.containerName === undefined ? [] : [service.containerName]),
            ...aliases,
          ]),
        ],
        ipv4Address: first ? ipv4Address : undefined,
      }))
      // A fixed address can be given only where the container is created.
      .toSorted((a, b) => Number(b.ipv4Address !== undefined) - Number(a.ipv4Address !== undefined))
  );
}

function relaySpec(project: Project, member: Member, networks: readonly RelayNetwork[], plane: Plane): RelaySpec {
  const { service, id, socketDir } = member;
  const { index } = parseInstanceId(id);
  return {
    project: project.name,
    service: service.name,
    index,
    name: service.containerName ?? `${project.name}-${service.name}-${index}`,
    networks,
    socketDir,
    plane,
  };
}

/** One that is just being made is not on all of its networks either. */
function isCutOff(relay: RelayContainer, keeper: RelayKeeper): boolean {
  return keeper.container === relay.id && keeper.spec.networks.some(({ name }) => !relay.networks.includes(name));
}

function sameNetworks(a: readonly RelayNetwork[], b: readonly RelayNetwork[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
