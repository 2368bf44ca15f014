import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { parseInstanceId } from '../model/ids.ts';
import type { InstanceId, ProjectName } from '../model/ids.ts';
import type { Project, WasmService } from '../model/project.ts';
import { FreeNumbers } from '../util/free-numbers.ts';
import { Serial } from '../util/serial.ts';
import { Answers } from './answers.ts';
import { DialServer } from './dial-server.ts';
import { EngineView } from './engine-view.ts';
import type { GetEngine } from './engine-view.ts';
import { datagramVerdict } from './datagram-verdict.ts';
import type { Attachment, ConnectVerdict, DatagramDoor, DatagramVerdict, Fabric, PublishedListener } from './fabric.ts';
import { readHostAddresses } from './host-addresses.ts';
import { hostsFile } from './hosts-file.ts';
import { planeOf } from './plane.ts';
import type { PlaneChoice } from './plane.ts';
import { decide } from './policy.ts';
import type { Destination, HostAddresses, Peer, World } from './policy.ts';
import { notNative, ProjectRelays } from './project-relays.ts';
import type { RelaysOptions } from './project-relays.ts';
import { RareNotices } from './rare-notices.ts';
import { RoundRobin } from './round-robin.ts';
import { answer } from './resolve.ts';
import { lookupOutside } from './outside-dns.ts';
import { dialThroughRelay } from './relay-dial.ts';
import { HOST_GATEWAY, VirtualAddresses } from './virtual-addresses.ts';

export interface FabricOptions {
  readonly project: ProjectName;
  /** The project's directory for sockets; the fabric uses `<runDir>/n` and nothing else below it. */
  readonly runDir: string;
  readonly engine: GetEngine;
  /** For the user: a relay that ended, a name server that does not answer, what this Engine cannot do. */
  readonly onNotice: (message: string) => void;
  /** How bytes travel between the two kinds; `auto` without it. */
  readonly plane?: PlaneChoice;
  readonly hostAddresses?: () => HostAddresses;
  readonly lookup?: (name: string, signal: AbortSignal) => Promise<readonly string[]>;
}

/** The fabric of one project, and what its supervisor tells it. */
export interface ProjectFabric extends Fabric {
  /** Names and walls follow this project from now on; relays follow with the next `refresh`. */
  setProject(project: Project): void;
  /** Containers of the project came, went or changed their addresses. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Removes the project's relay containers that no instance of this fabric uses: a dead supervisor's. */
  removeStaleRelays(signal: AbortSignal): Promise<void>;
}

export function createFabric(options: FabricOptions): ProjectFabric {
  return new EngineFabric(options);
}

/** An attached instance. */
interface Member extends Peer {
  readonly number: number;
  readonly socketDir: string;
  readonly listening: Set<number>;
  /** By UDP port. */
  readonly doors: Map<number, DatagramDoor>;
  readonly answers: Answers;
  /** Attaching, following and detaching come one after the other. */
  readonly queue: Serial;
}

class EngineFabric implements ProjectFabric {
  readonly #options: FabricOptions;
  readonly #view: EngineView;
  readonly #relays: ProjectRelays;
  readonly #dialled: DialServer;
  readonly #plane: PlaneChoice;
  readonly #virtual: VirtualAddresses;
  readonly #numbers = new FreeNumbers();
  readonly #members = new Map<InstanceId, Member>();
  #project: Project | undefined;
  readonly #notices: RareNotices;
  readonly #turns = new RoundRobin();
  /** Gives each connection between instances a port of its own to come from. */
  #dials = 0;

  constructor(options: FabricOptions) {
    this.#options = options;
    this.#notices = new RareNotices(options.onNotice);
    this.#view = new EngineView(options.engine);
    this.#plane = options.plane ?? 'auto';
    const info: RelaysOptions['info'] = async (signal) => await this.#view.info(signal);
    this.#relays = new ProjectRelays({ ...options, plane: this.#plane, info });
    this.#dialled = new DialServer(join(options.runDir, SOCKET_DIRS, DIAL_SOCKET));
    this.#virtual = new VirtualAddresses(options.project);
  }

  setProject(project: Project): void {
    this.#project = project;
    this.#view.invalidate();
  }

  async refresh(signal: AbortSignal): Promise<void> {
    const project = this.#project;
    if (project === undefined) return;
    await this.#view.refresh(project, signal);
    await Promise.all(
      [...this.#members.values()].map(async (member) => {
        try {
          await this.#follow(project, member, signal);
        } catch (error) {
          signal.throwIfAborted();
          this.#options.onNotice(`the relay of ${member.id} cannot be started: ${(error as Error).message}`);
        }
      }),
    );
  }

  async removeStaleRelays(signal: AbortSignal): Promise<void> {
    await this.#relays.removeStale(signal);
  }

  async attach(id: InstanceId, service: WasmService, signal: AbortSignal): Promise<Attachment> {
    const project = this.#knownProject();
    if (this.#members.has(id)) throw new RangeError(`${id} is attached already`);
    const published = publishedListeners(service);
    const number = this.#numbers.take();
    const socketDir = join(this.#options.runDir, SOCKET_DIRS, String(number));
    const member: Member = {
      id,
      service,
      number,
      socketDir,
      addresses: this.#addressesOf(id, service),
      listening: new Set(),
      doors: new Map(),
      answers: new Answers(),
      queue: new Serial(),
    };
    this.#members.set(id, member);
    await member.queue.run(async () => await this.#join(project, member, signal));
    const [address = ''] = member.addresses;
    const extraHosts = Object.fromEntries(
      Object.entries(service.extraHosts).map(([name, addresses]) => [name, addresses.map(hostGatewayAddress)]),
    );
    const hostname = service.name;
    return { socketDir, published, address, hostname, hostsFile: hostsFile(address, hostname, extraHosts) };
  }

  async detach(id: InstanceId, signal: AbortSignal): Promise<void> {
    const member = this.#members.get(id);
    await member?.queue.run(async () => {
      if (this.#members.get(id) !== member) return;
      try {
        await this.#relays.leave(id, signal);
      } finally {
        await this.#forget(member);
      }
    });
  }

  async resolve(id: InstanceId, name: string, signal: AbortSignal): Promise<readonly string[]> {
    const member = this.#member(id);
    const found = await answer(
      {
        project: this.#knownProject(),
        members: [...this.#members.values()],
        view: this.#view,
        lookup: this.#options.lookup ?? lookupOutside,
        onNotice: (message) => this.#notices.say(message),
      },
      member,
      name,
      signal,
    );
    member.answers.add(name, found);
    return this.#turns.rotate(name, found);
  }

  async authorize(id: InstanceId, address: string, port: number, signal: AbortSignal): Promise<ConnectVerdict> {
    const member = this.#member(id);
    return await this.#verdict(member, await this.#destination(member, address, port, signal), port, signal);
  }

  async authorizeDatagram(
    id: InstanceId,
    address: string,
    port: number,
    signal: AbortSignal,
  ): Promise<DatagramVerdict> {
    const member = this.#member(id);
    const destination = await this.#destination(member, address, port, signal);
    const doorOf = (peer: InstanceId): DatagramDoor | undefined => this.#member(peer).doors.get(port);
    return await datagramVerdict(destination, { from: id, port, doorOf, reach: async () => await this.#reach(signal) });
  }

  setDatagramDoor(id: InstanceId, port: number, door: DatagramDoor | undefined): void {
    const member = this.#member(id);
    if (door === undefined) {
      member.doors.delete(port);
      return;
    }
    member.doors.set(port, door);
    if (port >= FIRST_DIAL_PORT || !this.#relays.has(id)) return;
    this.#notices.say(`containers cannot send datagrams to ${id} port ${port}: its relay carries connections only`);
  }

  async setListening(id: InstanceId, port: number, listening: boolean, signal: AbortSignal): Promise<void> {
    const member = this.#member(id);
    if (listening) member.listening.add(port);
    else member.listening.delete(port);
    await this.#relays.setListening(id, port, listening, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const signal = AbortSignal.timeout(CLEANUP_MS);
    const ends = [...this.#members.keys()].map(async (id) => await this.detach(id, signal));
    for (const end of await Promise.allSettled(ends)) {
      // A relay whose removal fails ends by itself when this process does.
      if (end.status === 'rejected') this.#options.onNotice(`a relay is left: ${String(end.reason)}`);
    }
    await this.#dialled[Symbol.asyncDispose]();
    await rm(join(this.#options.runDir, SOCKET_DIRS), { recursive: true, force: true });
  }

  async #join(project: Project, member: Member, signal: AbortSignal): Promise<void> {
    const { socketDir } = member;
    try {
      await makeEmpty(socketDir);
      await this.#view.refreshIfOld(project, signal);
      await this.#relays.follow(project, member, signal);
    } catch (error) {
      await this.#forget(member);
      throw error;
    }
  }

  async #destination(member: Member, address: string, port: number, signal: AbortSignal): Promise<Destination> {
    const project = this.#knownProject();
    const destination = decide(this.#world(project, member), member, address, port);
    if (destination.to !== 'refused' || destination.errno !== 'EHOSTUNREACH') return destination;
    // It may be on a network that is newer than what the fabric has seen.
    try {
      await this.#view.refreshIfOld(project, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#notices.say(`${destination.reason}; the Docker Engine does not answer: ${(error as Error).message}`);
    }
    return decide(this.#world(project, member), member, address, port);
  }

  /** Why containers cannot be reached from this machine without a relay; undefined: they can. */
  async #reach(signal: AbortSignal): Promise<string | undefined> {
    const info = await this.#view.info(signal);
    if (planeOf(this.#plane, info) === 'unix' && info.native) return undefined;
    return info.native ? 'WCOMPOSE_NET is mux' : notNative(info);
  }

  /** Unless it was detached meanwhile. */
  async #follow(project: Project, member: Member, signal: AbortSignal): Promise<void> {
    await member.queue.run(async () => {
      if (this.#members.get(member.id) === member) await this.#relays.follow(project, member, signal);
    });
  }

  #world(project: Project, member: Member): World {
    return {
      project,
      peers: [...this.#members.values()],
      endpoints: this.#view.endpoints,
      subnets: this.#view.subnets,
      host: this.#options.hostAddresses ?? readHostAddresses,
      namesOf: (address) => member.answers.namesOf(address),
    };
  }

  async #verdict(from: Member, destination: Destination, port: number, signal: AbortSignal): Promise<ConnectVerdict> {
    switch (destination.to) {
      case 'refused':
        return destination;
      case 'outside':
        return { to: 'tcp', host: destination.address, port };
      case 'host':
        // With the host's network, a port of the instance's own is one of the host's.
        if (from.service.networkMode === 'host' && from.listening.has(port)) return this.#dial(from, from, port);
        return { to: 'tcp', host: '127.0.0.1', port };
      case 'network': {
        const { address } = destination;
        const info = await this.#view.info(signal);
        if (planeOf(this.#plane, info) === 'mux') {
          return await dialThroughRelay(this.#relays, this.#dialled, { from: from.id, address, port }, signal);
        }
        if (info.native) return { to: 'tcp', host: address, port };
        const reason = `${from.id} cannot connect to ${address} port ${port}: ${notNative(info)}; unset WCOMPOSE_NET`;
        return { to: 'refused', errno: 'ENETUNREACH', reason };
      }
      case 'instance': {
        const to = this.#member(destination.id);
        if (to.listening.has(port)) return this.#dial(from, to, port);
        const reason = `${from.id} cannot connect to ${to.id} port ${port}: it does not listen there`;
        return { to: 'refused', errno: 'ECONNREFUSED', reason };
      }
    }
  }

  #dial(from: Member, to: Member, port: number): ConnectVerdict {
    const hello = `${from.addresses[0]} ${FIRST_DIAL_PORT + (this.#dials++ % DIAL_PORTS)}\n`;
    return { to: 'unix', path: join(to.socketDir, String(port)), hello };
  }

  #knownProject(): Project {
    if (this.#project === undefined) throw new RangeError('the fabric was not told of a project');
    return this.#project;
  }

  #member(id: InstanceId): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new RangeError(`${id} is not attached`);
    return member;
  }

  /** The first one is what the instance calls its own. */
  #addressesOf(id: InstanceId, service: WasmService): readonly string[] {
    const fixed = service.networks.map((network) => network.ipv4Address).filter((one) => one !== undefined);
    return parseInstanceId(id).index === 1 && fixed.length > 0 ? fixed : [this.#virtual.of(id)];
  }

  /** Its number is another's when its directory is gone. */
  async #forget(member: Member): Promise<void> {
    this.#members.delete(member.id);
    await rm(member.socketDir, { recursive: true, force: true });
    this.#numbers.give(member.number);
  }
}

/** What a supervisor left that died is no socket of this instance. */
async function makeEmpty(directory: string): Promise<void> {
  // It is made with its parents at once: a directory that was not there is the usual case.
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (made !== undefined) return;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700 });
}

function publishedListeners(service: WasmService): readonly PublishedListener[] {
  return service.ports.flatMap(({ hostIp, published = 0, target, protocol }) =>
    // Of containers only.
    protocol === 'sctp' ? [] : [{ protocol, hostIp, published, target }],
  );
}

function hostGatewayAddress(address: string): string {
  return address === 'host-gateway' ? HOST_GATEWAY : address;
}

const SOCKET_DIRS = 'n';
/** Beside the instances' directories, whose names are numbers. */
const DIAL_SOCKET = 'd';
const CLEANUP_MS = 15_000;
const FIRST_DIAL_PORT = 32_768;
const DIAL_PORTS = 28_232;
