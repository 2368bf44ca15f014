import type { Duplex } from 'node:stream';

import type { ProjectName } from '../model/ids.ts';

/** What the fabric needs of a Docker Engine; runtime/container implements it, the supervisor joins the two. */
export interface FabricEngine {
  info(signal: AbortSignal): Promise<EngineInfo>;
  hasImage(tag: string, signal: AbortSignal): Promise<boolean>;
  /** `POST /images/load` of a docker-archive. */
  loadImage(tar: Uint8Array, signal: AbortSignal): Promise<void>;
  /** `POST /containers/create` with this body as it is; returns the container's id. */
  createContainer(name: string, body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<string>;
  connectNetwork(network: string, container: string, aliases: readonly string[], signal: AbortSignal): Promise<void>;
  /** The hijacked attach connection: stdin raw, stdout in the Engine's 8-byte frames. */
  attach(container: string, signal: AbortSignal): Promise<Duplex>;
  startContainer(container: string, signal: AbortSignal): Promise<void>;
  /** By force; a container that is gone is no error. Resolves when its name is free again. */
  removeContainer(container: string, signal: AbortSignal): Promise<void>;
  /** The Engine's network name -> the container's IPv4 address on it. */
  addresses(container: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** Every running container of the project and of its external networks, relays left out. */
  endpoints(
    project: ProjectName,
    networks: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly ContainerEndpoint[]>;
  /** Relay containers of the project (label `dev.wcompose.kind=relay`), also those a dead supervisor left. */
  relays(project: ProjectName, signal: AbortSignal): Promise<readonly RelayContainer[]>;
  /** IPv4 subnets of a network, by the Engine's name: `172.18.0.0/16`. */
  subnets(network: string, signal: AbortSignal): Promise<readonly string[]>;
}

export interface RelayContainer {
  readonly id: string;
  readonly name: string;
  /** Those it is on, by the Engine's names. */
  readonly networks: readonly string[];
}

export interface EngineInfo {
  readonly arch: 'amd64' | 'arm64';
  /** The Engine runs on this kernel: unix sockets can be shared with containers, bridge addresses can be dialled. */
  readonly native: boolean;
  readonly rootless: boolean;
}

export interface ContainerEndpoint {
  /** The Engine's network name. */
  readonly network: string;
  readonly address: string;
  /** Every name Docker's DNS answers on that network: service, container name, aliases. */
  readonly names: readonly string[];
}
