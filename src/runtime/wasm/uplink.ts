import type { ConnectVerdict, DatagramDoor, DatagramVerdict, Refusal } from '../../net/fabric.ts';
import type { Answer, FromGuest, Question, ToGuest } from './messages.ts';
import type { Uplink as NetworkUplink } from './net/network.ts';

/** The worker's questions to the main thread, by number. */
export class Uplink implements NetworkUplink {
  readonly #post: (message: FromGuest) => void;
  readonly #log: (text: string) => void;
  readonly #asked = new Map<number, (answer: Answer | undefined) => void>();
  #last = 0;

  /** `log` takes a line for the service's log. */
  constructor(post: (message: FromGuest) => void, log: (text: string) => void) {
    this.#post = post;
    this.#log = log;
  }

  async authorize(address: string, port: number): Promise<ConnectVerdict> {
    const answer = await this.#ask({ what: 'authorize', address, port });
    return answer !== undefined && 'to' in answer && answer.to !== 'udp' && answer.to !== 'door' ? answer : STOPPED;
  }

  async authorizeDatagram(address: string, port: number): Promise<DatagramVerdict> {
    const answer = await this.#ask({ what: 'authorize-datagram', address, port });
    return answer !== undefined && 'to' in answer && answer.to !== 'tcp' && answer.to !== 'unix' ? answer : STOPPED;
  }

  datagrams(port: number, door: DatagramDoor | undefined): void {
    this.#post({ type: 'datagrams', port, door });
  }

  async resolve(name: string): Promise<readonly string[]> {
    const answer = await this.#ask({ what: 'resolve', name });
    return answer === undefined || 'to' in answer ? [] : answer;
  }

  listening(port: number, isPrivate: boolean, listening: boolean): void {
    this.#post({ type: 'listening', port, isPrivate, listening });
  }

  log(text: string): void {
    this.#log(text);
  }

  answer(message: Extract<ToGuest, { type: 'answer' }>): void {
    this.#asked.get(message.ask)?.(message.answer);
    this.#asked.delete(message.ask);
  }

  /** Nobody will answer any more. */
  close(): void {
    for (const settle of this.#asked.values()) settle(undefined);
    this.#asked.clear();
  }

  async #ask(question: Question): Promise<Answer | undefined> {
    const ask = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    this.#asked.set(ask, resolve);
    this.#post({ type: 'ask', ask, question });
    return await promise;
  }
}

const STOPPED: Refusal = { to: 'refused', errno: 'ENETUNREACH', reason: 'the instance is being stopped' };
