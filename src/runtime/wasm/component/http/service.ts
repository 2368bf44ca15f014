import type { ServerResponse } from 'node:http';

import type { ExitStatus } from '../../../../model/state.ts';
import type { Exchange } from '../../http/front.ts';
import { ProcessExit } from '../../wasi/proc.ts';
import { GuestStopped } from '../../wasi/waiters.ts';
import type { ComponentInstance, LinkableComponent } from '../instance.ts';
import { type ComponentHost, exitStatus } from '../program.ts';
import { IncomingRequest } from './incoming.ts';
import { ResponseOutparam } from './outparam.ts';

/** Requests that are answered at a time; others wait. */
const INSTANCES_LIMIT = 64;

/**
 * A component that answers HTTP requests, each with an instance of its own, as other hosts of wasi:http do: there are
 * engines (StarlingMonkey, of JavaScript) whose instances answer once only. One instance is always made in advance.
 */
export class HttpService {
  readonly #host: ComponentHost;
  readonly #component: LinkableComponent;
  readonly #log: (text: string) => void;
  /** The instance of the next request. */
  #spare: ComponentInstance | undefined;
  readonly #waiting: Exchange[] = [];
  readonly #stopped = Promise.withResolvers<ExitStatus>();
  #running = 0;
  #isStopped = false;

  constructor(host: ComponentHost, component: LinkableComponent, log: (text: string) => void) {
    this.#host = host;
    this.#component = component;
    this.#log = log;
  }

  /** Resolves when the service is stopped, or has failed at its first instance. */
  async run(): Promise<ExitStatus> {
    try {
      this.#spare = await this.#create();
    } catch (error) {
      return exitStatus(error);
    }
    return await this.#stopped.promise;
  }

  answer(exchange: Exchange): void {
    if (this.#running >= INSTANCES_LIMIT) this.#waiting.push(exchange);
    else void this.#serve(exchange);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#spare !== undefined) this.#host.remove(this.#spare);
    this.#spare = undefined;
    for (const { response } of this.#waiting.splice(0)) response.destroy();
    this.#stopped.resolve({ how: 'killed' });
  }

  async #create(): Promise<ComponentInstance> {
    return await this.#host.instantiate(this.#component);
  }

  /** Never rejects. */
  async #serve(exchange: Exchange): Promise<void> {
    let instance = this.#spare;
    this.#spare = undefined;
    this.#running++;
    try {
      instance ??= await this.#create();
      await this.#handle(instance, exchange);
    } catch (error) {
      this.#report(error);
      fail(exchange.response, 500);
    }
    if (instance !== undefined) this.#host.remove(instance);
    this.#running--;
    this.#next();
    await this.#prepare();
  }

  /** Never rejects: why there can be none is told to the request that needs it. */
  async #prepare(): Promise<void> {
    if (this.#spare !== undefined || this.#isStopped) return;
    try {
      const made = await this.#create();
      if (this.#spare === undefined && !this.#isStopped) this.#spare = made;
      else this.#host.remove(made);
    } catch {
      // A trap of its start function.
    }
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

  #next(): void {
    if (this.#running >= INSTANCES_LIMIT) return;
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
