import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';

import { WcError } from '../../src/model/diagnostic.ts';
import type { ProjectName } from '../../src/model/ids.ts';
import type { ContainerEndpoint, EngineInfo, FabricEngine, RelayContainer } from '../../src/net/fabric-engine.ts';
import { encodeFrame, FRAME, frameReader, helloFrame, isHello, isOfStream } from '../../src/net/relay/frames.ts';
import type { Frame } from '../../src/net/relay/frames.ts';

/** A container of the fake: what it was made of, and the relay that runs in it. */
export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Beyond the one of `NetworkMode`. */
  readonly networks: string[];
  /** `* 8080` */
  readonly listening: Set<string>;
  running: boolean;
  /** `docker network disconnect` of its first network. */
  cutOff: boolean;
  /** The end that a relay would have as its stdin and stdout. */
  inside: Duplex | undefined;
  /** Clients of the relay, by stream: what they got so far, and whom to tell of the end. */
  readonly clients: Map<number, { text: string; readonly ended: (text: string) => void }>;
}

/**
 * An Engine in memory whose relays speak the real protocol. It knows no network: it tells what the fabric asked for,
 * and fails when a test says so.
 */
export class FakeFabricEngine implements FabricEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly images = new Set<string>();
  readonly calls: string[] = [];
  endpointsNow: readonly ContainerEndpoint[] = [];
  subnetsNow: Readonly<Record<string, readonly string[]>> = {};
  infoNow: EngineInfo = { arch: 'amd64', native: true, rootless: false };
  /** Throws what it returns before the call of that name. */
  fail: (call: string) => Error | undefined = () => undefined;
  /** What a relay answers to LISTEN; undefined: OK. */
  refuseListen: string | undefined;
  /** Where relays were asked to connect: `172.18.0.5 5432`. */
  readonly dials: string[] = [];
  /** The errno a relay answers to DIAL; undefined: it opens, and what comes is echoed. */
  refuseDial: (target: string) => string | undefined = () => undefined;
  /** Streams that the fabric reset. */
  readonly resets: number[] = [];
  /** Relays do not answer to DIAL. */
  ignoreDials = false;
  #next = 1;

  get relayNames(): readonly string[] {
    return [...this.containers.values()].map((one) => one.name).toSorted();
  }

  byName(name: string): FakeContainer {
    const found = [...this.containers.values()].find((one) => one.name === name);
    if (found === undefined) throw new Error(`no container ${name}`);
    return found;
  }

  /** `docker rm -f` behind the fabric's back. */
  kill(name: string): void {
    const container = this.byName(name);
    this.containers.delete(container.id);
    container.inside?.end();
  }

  /** A container connects to the relay, writes the text and ends: what it gets until the end, or `reset`. */
  async connectTo(name: string, port: number, text: string): Promise<string> {
    const container = this.byName(name);
    const id = 2 * this.#next++ + 1;
    const say = (type: number, payload: string): void =>
      void container.inside?.write(engineFrame(encodeFrame(type, id, Buffer.from(payload))));
    return await new Promise((resolve) => {
      container.clients.set(id, { text: '', ended: resolve });
      say(FRAME.open, `${port} 172.18.0.9 40000`);
      say(FRAME.data, text);
      say(FRAME.fin, '');
    });
  }

  async info(signal: AbortSignal): Promise<EngineInfo> {
    await this.#enter('info', signal);
    return this.infoNow;
  }

  async hasImage(tag: string, signal: AbortSignal): Promise<boolean> {
    await this.#enter('hasImage', signal);
    return this.images.has(tag);
  }

  async loadImage(tar: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#enter('loadImage', signal);
    const tag = /localhost\/wcompose-relay:[0-9a-f]+/.exec(Buffer.from(tar).toString('latin1'))?.[0];
    if (tag !== undefined) this.images.add(tag);
  }

  async createContainer(name: string, body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<string> {
    await this.#enter('createContainer', signal);
    if (this.relayNames.includes(name)) throw new WcError('ERR_NAME_TAKEN', `container name ${name} is taken`);
    const id = `c${this.#next++}`;
    this.containers.set(id, {
      id,
      name,
      body,
      networks: [],
      listening: new Set(),
      running: false,
      cutOff: false,
      inside: undefined,
      clients: new Map(),
    });
    return id;
  }

  async connectNetwork(
    network: string,
    container: string,
    _aliases: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#enter('connectNetwork', signal);
    this.#get(container).networks.push(network);
  }

  async attach(container: string, signal: AbortSignal): Promise<Duplex> {
    await this.#enter('attach', signal);
    const [outside, inside] = duplexPair();
    this.#get(container).inside = inside;
    return outside;
  }

  async startContainer(container: string, signal: AbortSignal): Promise<void> {
    await this.#enter('startContainer', signal);
    const one = this.#get(container);
    one.running = true;
    if (one.inside !== undefined) this.#runRelay(one, one.inside);
  }

  async removeContainer(container: string, signal: AbortSignal): Promise<void> {
    await this.#enter('removeContainer', signal);
    const one = this.containers.get(container);
    this.containers.delete(container);
    one?.inside?.end();
  }

  async addresses(_container: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    await this.#enter('addresses', signal);
    return {};
  }

  async endpoints(
    _project: ProjectName,
    networks: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly ContainerEndpoint[]> {
    await this.#enter('endpoints', signal);
    return this.endpointsNow.filter((one) => networks.includes(one.network));
  }

  async relays(_project: ProjectName, signal: AbortSignal): Promise<readonly RelayContainer[]> {
    await this.#enter('relays', signal);
    return [...this.containers.values()].map(({ id, name, body, networks, cutOff }) => {
      const { NetworkMode: first } = (body['HostConfig'] ?? {}) as { readonly NetworkMode?: string };
      return { id, name, networks: [...(first === undefined || cutOff ? [] : [first]), ...networks] };
    });
  }

  async subnets(network: string, signal: AbortSignal): Promise<readonly string[]> {
    await this.#enter('subnets', signal);
    return this.subnetsNow[network] ?? [];
  }

  async #enter(call: string, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    signal.throwIfAborted();
    this.calls.push(call);
    const error = this.fail(call);
    if (error !== undefined) throw error;
  }

  #get(id: string): FakeContainer {
    const one = this.containers.get(id);
    if (one === undefined) throw new Error(`no container ${id}`);
    return one;
  }

  #runRelay(container: FakeContainer, inside: Duplex): void {
    const say = (frame: Buffer): void => void inside.write(engineFrame(frame));
    const read = frameReader((frame) => {
      if (isHello(frame)) return;
      if (isOfStream(frame)) {
        this.#onStreamFrame(container, frame, say);
        return;
      }
      const text = frame.payload.toString();
      if (frame.type === FRAME.listen && this.refuseListen !== undefined) {
        say(encodeFrame(FRAME.error, frame.id, Buffer.from(this.refuseListen)));
        return;
      }
      if (frame.type === FRAME.listen) container.listening.add(text);
      if (frame.type === FRAME.unlisten) container.listening.delete(text);
      say(encodeFrame(FRAME.ok, frame.id, Buffer.alloc(0)));
    });
    inside.on('data', read);
    inside.on('error', () => {});
    // AutoRemove: a relay whose stdin ends exits.
    inside.on('end', () => {
      this.containers.delete(container.id);
      inside.end();
    });
    inside.on('close', () => void this.containers.delete(container.id));
    say(helloFrame());
  }

  #onStreamFrame(container: FakeContainer, { type, id, payload }: Frame, say: (frame: Buffer) => void): void {
    const client = container.clients.get(id);
    if (type === FRAME.dial) {
      this.dials.push(payload.toString());
      if (this.ignoreDials) return;
      const errno = this.refuseDial(payload.toString());
      say(encodeFrame(errno === undefined ? FRAME.opened : FRAME.reset, id, Buffer.from(errno ?? '')));
    } else if (type === FRAME.reset) {
      this.resets.push(id);
      client?.ended('reset');
    } else if (client === undefined) {
      if (type === FRAME.data || type === FRAME.fin) say(encodeFrame(type, id, payload));
    } else if (type === FRAME.data) {
      client.text += payload.toString();
    } else if (type === FRAME.fin) {
      client.ended(client.text);
    }
  }
}

/** The Engine's framing of an attached container's stdout. */
function engineFrame(payload: Buffer): Buffer {
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}
