import type { ServerResponse } from 'node:http';

import type { ExitStatus } from '../../../../model/state.ts';
import type { Exchange } from '../../http/front.ts';
import { ProcessExit } from '../../wasi/proc.ts';
import { GuestStopped } from '../../wasi/waiters.ts';
import type { ComponentInstance, LinkableComponent } from '../instance.ts';
import { type ComponentHost, exitStatus } from '../program.ts';
import { IncomingRequest } from './incoming.ts';
import { ResponseOutparam } from './outparam.ts';

/** Requests that are answered at a time, each by an instance of its own; others wait. */
const INSTANCES_LIMIT = 64;
/** Instances that are kept for the next request. */
const IDLE_LIMIT = 8;

/**
 * A component that answers HTTP requests. An instance answers one after the other and keeps its memory between them,
 * as a server does; a request that comes while all wait gets a further instance. One that fails is replaced.
 */
export class HttpService {
  readonly #host: ComponentHost;
  readonly #component: LinkableComponent;
  readonly #log: (text: string) => void;
  readonly #idle: ComponentInstance[] = [];
  readonly #waiting: Exchange[] = [];
  readonly #stopped = Promise.withResolvers<ExitStatus>();
  #instances = 0;
  #isStopped = false;

  constructor(host: ComponentHost, component: LinkableComponent, log: (text: string) => void) {
    this.#host = host;
    this.#component = component;
    this.#log = log;
  }

  /** Resolves when the service is stopped, or has failed at its first instance. */
  async run(): Promise<ExitStatus> {
    try {
      this.#instances++;
      this.#release(await this.#create());
    } catch (error) {
      this.#instances--;
      return exitStatus(error);
    }
    return await this.#stopped.promise;
  }

  answer(exchange: Exchange): void {
    if (this.#idle.length === 0 && this.#instances >= INSTANCES_LIMIT) this.#waiting.push(exchange);
    else void this.#serve(exchange);
  }

  stop(): void {
    this.#isStopped = true;
    for (const instance of this.#idle.splice(0)) this.#host.remove(instance);
    for (const { response } of this.#waiting.splice(0)) response.destroy();
    this.#stopped.resolve({ how: 'killed' });
  }

  async #create(): Promise<ComponentInstance> {
    return await this.#host.instantiate(this.#component);
  }

  /** Never rejects. */
  async #serve(exchange: Exchange): Promise<void> {
    let instance = this.#idle.pop();
    if (instance === undefined) this.#instances++;
    try {
      instance ??= await this.#create();
      await this.#handle(instance, exchange);
      this.#release(instance);
    } catch (error) {
      this.#instances--;
      if (instance !== undefined) this.#host.remove(instance);
      this.#report(error);
      fail(exchange.response, 500);
    }
    this.#next();
  }

  async #handle(instance: ComponentInstance, exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    const handler = instance.find('wasi:http/incoming-handler', 'handle');
    if (handler === undefined) throw new Error('the component does not export wasi:http/incoming-handler');
    const { waiters } = this.#host;
    const wake = (): void => waiters.wake();
    response.on('drain', wake);
    response.once('close', wake);
    const begin = (): void => {
      if (exchange.expectsContinue && !response.headersSent) response.writeContinue();
    };
    const outparam = new ResponseOutparam(response, wake);
    await instance.call(handler, [new IncomingRequest(request, wake, begin), outparam]);
    if (outparam.error !== undefined) {
      this.#log(`${request.method ?? ''} ${request.url ?? ''}: the program answered with ${outparam.error.tag}`);
      fail(response, outparam.error.tag === 'internal-error' ? 500 : 502);
    } else if (!outparam.isSet) {
      this.#log(`${request.method ?? ''} ${request.url ?? ''}: the program gave no answer`);
      fail(response, 500);
    } else if (!response.writableEnded) {
      // Nobody is there any more who could end it.
      fail(response, 500);
    }
  }

  #release(instance: ComponentInstance): void {
    if (!this.#isStopped && (this.#idle.length < IDLE_LIMIT || this.#waiting.length > 0)) this.#idle.push(instance);
    else {
      this.#instances--;
      this.#host.remove(instance);
    }
  }

  #next(): void {
    if (this.#idle.length === 0 && this.#instances >= INSTANCES_LIMIT) return;
    const exchange = this.#waiting.shift();
    if (exchange === undefined) return;
    // Its client may have gone while it waited.
    if (exchange.response.destroyed) this.#next();
    else void this.#serve(exchange);
  }

  #report(error: unknown): void {
    if (error instanceof GuestStopped) return;
    if (error instanceof ProcessExit) {
      this.#log(`the program ended itself with ${error.code} while it answered a request`);
      return;
    }
    const exit = exitStatus(error);
    if (exit.how !== 'trap') return;
    this.#log(`trap: ${exit.message}`);
    for (const frame of exit.backtrace) this.#log(`    in ${frame}`);
  }
}

/** An answer instead of the guest's, when nothing of that has left yet. */
function fail(response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(status === 502 ? 'Bad Gateway\n' : 'Internal Server Error\n');
}
