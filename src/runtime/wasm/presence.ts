import { rmSync } from 'node:fs';
import path from 'node:path';

import type { LogSink } from '../../logs/record.ts';
import type { InstanceId } from '../../model/ids.ts';
import type { WasmService } from '../../model/project.ts';
import type { PublishedPort } from '../../model/state.ts';
import type { Attachment, DatagramDoor, Fabric, PublishedListener } from '../../net/fabric.ts';
import { Serial } from '../../util/serial.ts';
import type { Answer, Question } from './messages.ts';
import { Refusals } from './refusals.ts';

/** The fabric may have to talk to the Engine. */
const FABRIC_MS = 30_000;

export interface PresenceOptions {
  readonly id: InstanceId;
  readonly service: WasmService;
  readonly fabric: Fabric;
  readonly logs: LogSink;
}

/** An instance in the fabric: from the first start until it has ended for good, over restarts by the policy. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #refusals: Refusals;
  /** What the fabric is told of ports, and leaving, happen in their order. */
  readonly #order = new Serial();
  /** Ports on which the present run listens; true: for itself only. */
  readonly #listening = new Map<number, boolean>();
  /** UDP ports of the present run. */
  readonly #datagrams = new Set<number>();
  #attachment: Attachment | undefined;
  #published: readonly PublishedListener[] = [];

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#refusals = new Refusals(options.logs);
  }

  /** network key -> address */
  get addresses(): Readonly<Record<string, string>> {
    const address = this.#attachment?.address ?? '';
    if (address === '') return {};
    return Object.fromEntries(this.#options.service.networks.map(({ network }) => [network, address]));
  }

  get ports(): readonly PublishedPort[] {
    return this.#published;
  }

  /** Resolves with where the instance is, and the host ports it should ask for: those of its last run, if it had any. */
  async join(
    signal: AbortSignal,
  ): Promise<{ readonly attachment: Attachment; readonly wanted: readonly PublishedListener[] }> {
    const { fabric, id, service } = this.#options;
    // A former run may still be leaving.
    await this.#order.run(async () => {
      this.#attachment ??= await fabric.attach(id, service, signal);
    });
    signal.throwIfAborted();
    const attachment = this.#attachment;
    if (attachment === undefined) throw new Error(`${id} left while it joined`);
    return { attachment, wanted: this.#published.length > 0 ? this.#published : attachment.published };
  }

  /** The run has these host ports; none: it could not get them, and the next run asks anew. */
  publish(published: readonly PublishedListener[]): void {
    this.#published = published;
  }

  /** The run begins to listen on a port, or ends it. Resolves when the fabric knows. */
  async listen(port: number, isPrivate: boolean, listening: boolean): Promise<void> {
    if (listening) this.#listening.set(port, isPrivate);
    else this.#listening.delete(port);
    if (!isPrivate) await this.#tell(port, listening);
  }

  /** Other instances reach the run's UDP port there, or no longer. */
  datagrams(port: number, door: DatagramDoor | undefined): void {
    if (door === undefined) this.#datagrams.delete(port);
    else this.#datagrams.add(port);
    if (this.#attachment !== undefined) this.#options.fabric.setDatagramDoor(this.#options.id, port, door);
  }

  /** The unix socket behind a port of the run; undefined when it does not listen there. */
  socketOf(port: number): string | undefined {
    const isPrivate = this.#listening.get(port);
    if (isPrivate === undefined || this.#attachment === undefined) return undefined;
    return path.join(this.#attachment.socketDir, isPrivate ? `lo-${port}` : String(port));
  }

  /** The run has ended: closes what its thread could not close itself. */
  async endRun(): Promise<void> {
    for (const port of this.#datagrams) this.datagrams(port, undefined);
    for (const [port, isPrivate] of this.#listening) {
      const file = this.socketOf(port);
      if (file !== undefined) rmSync(file, { force: true });
      await this.listen(port, isPrivate, false);
    }
  }

  async answer(question: Question, signal: AbortSignal): Promise<Answer> {
    const { fabric, id } = this.#options;
    if (question.what === 'resolve') return await fabric.resolve(id, question.name, signal);
    const { address, port } = question;
    const verdict =
      question.what === 'authorize'
        ? await fabric.authorize(id, address, port, signal)
        : await fabric.authorizeDatagram(id, address, port, signal);
    if (verdict.to === 'refused') this.#refusals.report(verdict.reason);
    return verdict;
  }

  /** Leaves the networks. Never rejects: what cannot be undone is for the instance's log. */
  async leave(): Promise<void> {
    this.#published = [];
    await this.#order.run(async () => {
      if (this.#attachment === undefined) return;
      this.#attachment = undefined;
      try {
        await this.#options.fabric.detach(this.#options.id, AbortSignal.timeout(FABRIC_MS));
      } catch (error) {
        this.#options.logs.system(`leaving its networks: ${messageOf(error)}`);
      }
    });
  }

  async #tell(port: number, listening: boolean): Promise<void> {
    const { fabric, id, logs } = this.#options;
    await this.#order.run(async () => {
      if (this.#attachment === undefined) return;
      try {
        await fabric.setListening(id, port, listening, AbortSignal.timeout(FABRIC_MS));
      } catch (error) {
        logs.system(`port ${port}: ${messageOf(error)}`);
      }
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
