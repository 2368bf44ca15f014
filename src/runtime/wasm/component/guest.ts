import { setTimeout as delay } from 'node:timers/promises';

import { HttpFront } from '../http/front.ts';
import type { GuestRequest } from '../messages.ts';
import { Network } from '../net/network.ts';
import type { GuestTies, RunningGuest } from '../running-guest.ts';
import { systemClock } from '../wasi/clock.ts';
import { noteTurns } from '../watchdog.ts';
import { buildRoot } from '../wasi/fs/root.ts';
import { HttpService } from './http/service.ts';
import type { LinkableComponent } from './instance.ts';
import { ComponentHost } from './program.ts';

/** How often a guest that is being stopped is looked at. */
const LOOK_MS = 10;

/** A component on the network, files and output of its instance; it runs as what the request says. */
export function createComponent(request: GuestRequest, component: LinkableComponent, ties: GuestTies): RunningGuest {
  const host = createHost(request, ties);
  return request.role === 'http'
    ? server(
        new HttpService(host, { component, keeps: request.keepsInstances, log: (text) => ties.uplink.log(text) }),
        host,
        ties,
      )
    : command(host, component);
}

function createHost(request: GuestRequest, { output, uplink, turns }: GuestTies): ComponentHost {
  const { socketDir, address, rootBytes } = request;
  const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
  const onOwed = (owed: number): void => {
    output.owed = owed;
  };
  return new ComponentHost({
    args: request.args,
    env: request.env,
    workingDir: request.workingDir,
    clock: systemClock(),
    descriptorLimit: request.descriptorLimit,
    stdinOpen: request.stdinOpen,
    onTurn: turns === undefined ? undefined : noteTurns(turns.cells, turns.guest),
    mount: buildRoot(request.mounts, { nowNs, writableBytes: rootBytes }),
    network: (waiters) => new Network({ socketDir, address, uplink, waiters, onOwed }),
    stdout: (chunk) => output.write('stdout', chunk),
    stderr: (chunk) => output.write('stderr', chunk),
  });
}

function command(host: ComponentHost, component: LinkableComponent): RunningGuest {
  const { network } = host;
  return {
    network,
    stdin: host.stdin,
    get memoryBytes() {
      return host.memoryBytes;
    },
    get descriptors() {
      return host.table.size;
    },
    listen: () => Promise.reject(new Error('a command opens its listeners itself')),
    hold: opensItsOwn,
    run: async () => await host.runCommand(component),
    drain: async (signal) => {
      while (network.owed > 0 && !signal.aborted) await delay(LOOK_MS);
    },
    stop: () => host.stop(),
  };
}

/** Lives until it is stopped: a request that fails ends the instance that answered it, and not the service. */
function server(service: HttpService, host: ComponentHost, { output }: GuestTies): RunningGuest {
  const front = new HttpFront((exchange) => {
    output.owed = front.active;
    exchange.response.once('close', () => {
      output.owed = front.active;
    });
    service.answer(exchange);
  });
  return {
    network: host.network,
    stdin: host.stdin,
    get memoryBytes() {
      return host.memoryBytes;
    },
    get descriptors() {
      return host.table.size;
    },
    listen: async (port) => await front.listen(host.network, port),
    hold: opensItsOwn,
    run: async () => {
      try {
        return await service.run();
      } finally {
        front.close();
        host.close();
      }
    },
    drain: async (signal) => await front.drain(signal),
    stop: () => {
      service.stop();
      host.stop();
    },
  };
}

function opensItsOwn(): never {
  throw new Error('a component has no descriptors that could be given to it');
}
