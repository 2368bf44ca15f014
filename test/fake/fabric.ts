import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { InstanceId } from '../../src/model/ids.ts';
import type { WasmService } from '../../src/model/project.ts';
import type { Attachment, ConnectVerdict, DatagramDoor, DatagramVerdict, Fabric } from '../../src/net/fabric.ts';

interface Member {
  readonly service: string;
  readonly address: string;
  readonly dir: string;
}

/**
 * All instances on one network, without an Engine: names are those of services, each instance has an address and a
 * directory for its sockets. Connections that no rule names are refused.
 */
export class FakeFabric implements Fabric {
  readonly #root = mkdtempSync(path.join(tmpdir(), 'wc-'));
  readonly #members = new Map<InstanceId, Member>();
  /** `add web#1 80`, `remove web#1 80`, `attach web#1`, `detach web#1`, in their order. */
  readonly calls: string[] = [];
  /** Verdicts for `address:port`, before all else. */
  readonly verdicts = new Map<string, ConnectVerdict>();
  readonly datagramVerdicts = new Map<string, DatagramVerdict>();
  /** `web#1 53` -> where it takes datagrams. */
  readonly doors = new Map<string, DatagramDoor>();
  /** Addresses of names that are no services. */
  readonly names = new Map<string, readonly string[]>();
  #last = 1;

  async attach(id: InstanceId, service: WasmService): Promise<Attachment> {
    this.calls.push(`attach ${id}`);
    const number = ++this.#last;
    const member = { service: service.name, address: `10.90.0.${number}`, dir: path.join(this.#root, String(number)) };
    mkdirSync(member.dir, { mode: 0o700 });
    this.#members.set(id, member);
    return {
      socketDir: member.dir,
      published: service.ports.flatMap(({ protocol, hostIp, published = 0, target }) =>
        protocol === 'sctp' ? [] : [{ protocol, hostIp, published, target }],
      ),
      address: member.address,
      hostname: `host-${number}`,
      hostsFile: `127.0.0.1\tlocalhost\n${member.address}\thost-${number}\n`,
    };
  }

  async detach(id: InstanceId): Promise<void> {
    this.calls.push(`detach ${id}`);
    const member = this.#members.get(id);
    this.#members.delete(id);
    if (member !== undefined) rmSync(member.dir, { recursive: true, force: true });
  }

  async resolve(_id: InstanceId, name: string): Promise<readonly string[]> {
    const members = [...this.#members.values()].filter((member) => member.service === name);
    return this.names.get(name) ?? members.map((member) => member.address);
  }

  async authorize(id: InstanceId, address: string, port: number): Promise<ConnectVerdict> {
    const verdict = this.verdicts.get(`${address}:${port}`);
    if (verdict !== undefined) return verdict;
    const target = [...this.#members.values()].find((member) => member.address === address);
    const from = this.#members.get(id)?.address ?? '0.0.0.0';
    if (target === undefined) {
      return { to: 'refused', errno: 'EHOSTUNREACH', reason: `${id} may not connect to ${address}:${port}` };
    }
    return { to: 'unix', path: path.join(target.dir, String(port)), hello: `${from} 40000\n` };
  }

  async authorizeDatagram(id: InstanceId, address: string, port: number): Promise<DatagramVerdict> {
    const verdict = this.datagramVerdicts.get(`${address}:${port}`);
    if (verdict !== undefined) return verdict;
    const target = [...this.#members].find(([, member]) => member.address === address)?.[0];
    const door = target === undefined ? undefined : this.doors.get(`${target} ${port}`);
    if (door !== undefined) return { to: 'door', door };
    const errno = target === undefined ? 'EHOSTUNREACH' : 'ECONNREFUSED';
    return { to: 'refused', errno, reason: `${id} may not send to ${address}:${port}` };
  }

  setDatagramDoor(id: InstanceId, port: number, door: DatagramDoor | undefined): void {
    if (door === undefined) this.doors.delete(`${id} ${port}`);
    else this.doors.set(`${id} ${port}`, door);
  }

  async setListening(id: InstanceId, port: number, listening: boolean): Promise<void> {
    this.calls.push(`${listening ? 'add' : 'remove'} ${id} ${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
