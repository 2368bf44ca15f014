import { basename } from 'node:path';

import { exitCode } from '../model/state.ts';
import type { InstanceState, ObservedInstance, PublishedPort } from '../model/state.ts';

/** One object of `ps --format json`: docker compose's keys, and `Kind`. */
export function instanceJson(
  project: string,
  instance: ObservedInstance,
  engineAway: boolean,
): Readonly<Record<string, unknown>> {
  const { state } = instance;
  const unknown = engineAway && instance.kind === 'container';
  return {
    ID: instanceHandle(instance),
    Name: instance.name,
    Project: project,
    Service: instance.service,
    Kind: instance.kind,
    Image: instance.image,
    State: unknown ? 'unknown' : stateWord(state),
    Health: !unknown && state.at === 'running' && state.health !== 'none' ? state.health : '',
    ExitCode: state.at === 'exited' || state.at === 'backoff' ? exitCode(state.exit) : 0,
    Restarts: instance.restarts,
    Addresses: instance.addresses,
    Publishers: instance.ports.map((port) => ({
      URL: hostAddress(port),
      TargetPort: port.target,
      PublishedPort: port.published,
      Protocol: port.protocol,
    })),
  };
}

/** What docker knows a container by, and the name of a Wasm instance. */
export function instanceHandle(instance: ObservedInstance): string {
  return instance.kind === 'container' ? instance.handle : instance.name;
}

export function instanceRow(instance: ObservedInstance, now: number, engineAway: boolean): readonly string[] {
  const unknown = engineAway && instance.kind === 'container';
  return [
    instance.name,
    // The whole path of a module makes the table too wide; JSON has it.
    instance.kind === 'wasm' ? basename(instance.image) : instance.image,
    instance.service,
    instance.kind,
    instance.createdAt === 0 ? '' : `${duration(now - instance.createdAt)} ago`,
    unknown ? `Unknown (was ${stateWord(instance.state)})` : status(instance.state, now),
    instance.ports.map(portText).join(', '),
  ];
}

export const INSTANCE_HEADER = ['NAME', 'IMAGE', 'SERVICE', 'KIND', 'CREATED', 'STATUS', 'PORTS'] as const;

function stateWord(state: InstanceState): string {
  if (state.at === 'running' && state.paused === true) return 'paused';
  return state.at === 'backoff' ? 'restarting' : state.at;
}

function status(state: InstanceState, now: number): string {
  switch (state.at) {
    case 'created':
      return 'Created';
    case 'running': {
      const health =
        state.health === 'none' ? '' : ` (${state.health === 'starting' ? 'health: starting' : state.health})`;
      return `Up ${duration(now - state.since)}${health}${state.paused === true ? ' (Paused)' : ''}`;
    }
    case 'stopping':
      return 'Stopping';
    case 'exited': {
      const ago = state.since === 0 ? '' : ` ${duration(now - state.since)} ago`;
      const why = state.exit.how === 'code' || state.exit.how === 'killed' ? '' : ` (${state.exit.how})`;
      return `Exited (${exitCode(state.exit)})${ago}${why}`;
    }
    case 'backoff':
      return `Restarting (${exitCode(state.exit)}) next in ${duration(Math.max(0, state.until - now))}`;
  }
}

/** Docker's way to say a port: `0.0.0.0:8080->80/tcp`, or `80/tcp` where it is not published. */
function portText(port: PublishedPort): string {
  if (port.published === 0) return `${port.target}/${port.protocol}`;
  const address = hostAddress(port);
  const host = address.includes(':') ? `[${address}]` : address;
  return `${host}:${port.published}->${port.target}/${port.protocol}`;
}

function hostAddress({ hostIp }: PublishedPort): string {
  return hostIp === '' ? '0.0.0.0' : hostIp;
}

/** `3 minutes`; seconds at the finest. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const units = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
  ] as const;
  for (const [size, name] of units) {
    if (seconds >= size) return plural(Math.floor(seconds / size), name);
  }
  return seconds < 1 ? 'less than a second' : plural(seconds, 'second');
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
