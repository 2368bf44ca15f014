import type { ServerResponse } from 'node:http';

import type { ExitStatus } from '../../../../model/state.ts';
import type { Exchange } from '../../http/front.ts';
import { ProcessExit } from '../../wasi/proc.ts';
import { GuestStopped } from '../../wasi/waiters.ts';
import type { ComponentFunction } from '../abi/calls.ts';
import { type ComponentInstance, InstanceMaker, type LinkableComponent } from '../instance.ts';
import { type ComponentHost, exitStatus } from '../program.ts';
import { IncomingRequest } from './incoming.ts';
import { ResponseOutparam } from './outparam.ts';

/** Requests that are answered at a time; others wait. */
const INSTANCES_LIMIT = 64;

export interface HttpServiceParts {
  readonly component: LinkableComponent;
  /** Instances that have answered well answer further requests. */
  readonly keeps: boolean;
  log(text: string): void;
}

/**
 * A component that answers HTTP requests, each with an instance of its own, as other hosts of wasi:http do: there are
 * engines (StarlingMonkey, of JavaScript) whose instances answer once only. One instance is always made in advance.
 */
export class HttpService {
  readonly #host: ComponentHost;
  readonly #parts: HttpServiceParts;
  #program: Program | undefined;
  /** Instances for the next requests; the one that was used last is the next. */
  readonly #spare: Spare[] = [];
  readonly #waiting: Exchange[] = [];
  readonly #stopped = Promise.withResolvers<ExitStatus>();
  #running = 0;
  #isStopped = false;
  #keeps: boolean;
  #answersAgain = false;

  constructor(host: ComponentHost, parts: HttpServiceParts) {
    this.#host = host;
    this.#parts = parts;
    this.#keeps = parts.keeps;
  }

  /** Resolves when the service is stopped, or has failed at its first instance. */
  async run(): Promise<ExitStatus> {
    try {
      this.#spare.push(this.#create());
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
    for (const { instance } of this.#spare.splice(0)) this.#host.remove(instance);
    for (const { response } of this.#waiting.splice(0)) response.destroy();
    this.#stopped.resolve({ how: 'killed' });
  }

  #create(): Spare {
    return { instance: this.#host.instantiate(this.#prepared.maker), answered: 0 };
  }

  get #prepared(): Program {
    return (this.#program ??= prepare(this.#parts.component));
  }

  /** Never rejects. */
  async #serve(exchange: Exchange): Promise<void> {
    let used = this.#spare.pop();
    let isGood = false;
    this.#running++;
    try {
      used ??= this.#create();
      isGood = await this.#handle(used.instance, exchange);
    } catch (error) {
      this.#report(error);
      fail(exchange.response, 500);
    }
    if (used !== undefined) this.#putBack(used, isGood);
    this.#running--;
    this.#next();
    this.#prepareNext();
  }

  #putBack({ instance, answered }: Spare, isGood: boolean): void {
    if (answered > 0 && isGood) this.#answersAgain = true;
    if (answered > 0 && !isGood && !this.#answersAgain) this.#keepNoMore();
    if (isGood && this.#keeps && !this.#isStopped) this.#spare.push({ instance, answered: answered + 1 });
    else this.#host.remove(instance);
  }

  /** No instance of the program has ever answered a second request: it is of those that cannot. */
  #keepNoMore(): void {
    if (!this.#keeps) return;
    this.#keeps = false;
    this.#parts.log(
      'its instances cannot answer twice: leave `instances: kept` out. Each request now has one of its own',
    );
    for (const { instance } of this.#spare.splice(0)) this.#host.remove(instance);
  }

  /** Does not throw: why there can be none is told to the request that needs it. */
  #prepareNext(): void {
    if (this.#spare.length > 0 || this.#isStopped) return;
    try {
      this.#spare.push(this.#create());
    } catch {
      // A trap of its start function.
    }
  }

  /** True: the instance has done what it should. */
  async #handle(instance: ComponentInstance, exchange: Exchange): Promise<boolean> {
    const { request, response } = exchange;
    const { waiters } = this.#host;
    const wake = (): void => waiters.wake();
    response.on('drain', wake);
    response.once('close', wake);
    const begin = (): void => {
      if (exchange.expectsContinue && !response.headersSent) response.writeContinue();
    };
    const outparam = new ResponseOutparam(response, wake);
    await instance.call(this.#prepared.handler, [new IncomingRequest(request, wake, begin), outparam]);
    if (outparam.error !== undefined) {
      this.#parts.log(`${request.method ?? ''} ${request.url ?? ''}: the program answered with ${outparam.error.tag}`);
      fail(response, outparam.error.tag === 'internal-error' ? 500 : 502);
      return true;
    }
    if (!outparam.isSet) {
      this.#parts.log(`${request.method ?? ''} ${request.url ?? ''}: the program gave no answer`);
      fail(response, 500);
    } else if (!response.writableEnded) {
      // Nobody is there any more who could end it.
      fail(response, 500);
    } else return true;
    return false;
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
      this.#parts.log(`the program ended itself with ${error.code} while it answered a request`);
      return;
    }
    const exit = exitStatus(error);
    if (exit.how !== 'trap') return;
    this.#parts.log(`trap: ${exit.message}`);
    for (const frame of exit.backtrace) this.#parts.log(`    in ${frame}`);
  }
}

interface Spare {
  readonly instance: ComponentInstance;
  /** Requests. */
  readonly answered: number;
}

interface Program {
  readonly maker: InstanceMaker;
  readonly handler: ComponentFunction;
}

function prepare(component: LinkableComponent): Program {
  const maker = new InstanceMaker(component);
  const handler = maker.find('wasi:http/incoming-handler', 'handle');
  if (handler === undefined) throw new Error('the component does not export wasi:http/incoming-handler');
  return { maker, handler };
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
