import { serviceName } from '../../src/model/ids.ts';
import type { PortSpec, WasmService } from '../../src/model/project.ts';
import { type GuestName, guestPath } from '../guests/build.ts';

/** A Wasm service that runs a guest of the tests; `more` says what is not the default. */
export function wasmService(
  name: string,
  guest: GuestName | { readonly path: string },
  args: readonly string[],
  more: Partial<WasmService> = {},
): WasmService {
  return {
    kind: 'wasm',
    name: serviceName(name),
    replicas: 1,
    environment: {},
    labels: {},
    dependsOn: [],
    ports: [],
    expose: [],
    networks: [{ network: 'default', aliases: [] }],
    extraHosts: {},
    mounts: [],
    restart: { when: 'no' },
    stopGraceMs: 10_000,
    source: { file: 'compose.yaml', line: 3, column: 5, path: `services.${name}` },
    module: { from: 'file', path: typeof guest === 'string' ? guestPath(guest) : guest.path },
    args,
    interface: 'auto',
    engine: 'native',
    isolation: 'worker',
    swap: 'overlap',
    ...more,
  };
}

export function udpPort(target: number, published?: number): PortSpec {
  return { ...tcpPort(target, published), protocol: 'udp' };
}

export function tcpPort(target: number, published?: number, hostIp = '127.0.0.1'): PortSpec {
  const source = { file: 'compose.yaml', line: 5, column: 9, path: 'services.web.ports[0]' };
  return { target, published, hostIp, protocol: 'tcp', source };
}
