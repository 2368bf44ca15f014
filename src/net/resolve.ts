import { parseInstanceId } from '../model/ids.ts';
import type { Project } from '../model/project.ts';
import { engineNetworks } from './engine-view.ts';
import type { EngineView } from './engine-view.ts';
import { formatIpv4, parseMappedIpv4 } from './ipv4.ts';
import { containerAddresses, isProjectName, normalName, wasmNames } from './name-table.ts';
import { outboundNames } from './outbound.ts';
import { hasWayOut } from './policy.ts';
import type { Peer } from './policy.ts';
import { HOST_GATEWAY } from './virtual-addresses.ts';

export interface ResolveSources {
  readonly project: Project;
  readonly members: readonly Peer[];
  readonly view: EngineView;
  readonly lookup: (name: string, signal: AbortSignal) => Promise<readonly string[]>;
  readonly onNotice: (message: string) => void;
}

/** Addresses of a name as one instance may see it: its own hosts, then the project, then the world outside. */
export async function answer(
  sources: ResolveSources,
  from: Peer,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const literal = parseMappedIpv4(name);
  if (literal !== undefined) return [formatIpv4(literal)];
  const wanted = normalName(name);
  if (wanted === '') return [];
  const own = ownHosts(from, wanted);
  if (own !== undefined) return own;
  const inside = projectAddresses(sources, from, wanted);
  if (inside.length > 0) return inside;
  if (mayBeContainer(sources.project, from, wanted)) {
    try {
      await sources.view.refreshIfOld(sources.project, signal);
    } catch (error) {
      signal.throwIfAborted();
      sources.onNotice(`${from.id} asks for ${name}, and the Docker Engine does not answer: ${message(error)}`);
      return [];
    }
    const found = projectAddresses(sources, from, wanted);
    if (found.length > 0) return found;
  }
  return await outsideAddresses(sources, from, wanted, signal);
}

/** /etc/hosts comes first, as in a container. */
function ownHosts(from: Peer, wanted: string): readonly string[] | undefined {
  if (wanted === 'localhost' || wanted.endsWith('.localhost')) return ['127.0.0.1'];
  const extra = Object.entries(from.service.extraHosts).find(([name]) => normalName(name) === wanted);
  if (extra !== undefined) return extra[1].map((one) => (one === 'host-gateway' ? HOST_GATEWAY : one)).filter(isIpv4);
  // Without networks it still knows itself.
  return from.service.networks.length === 0 && wanted === normalName(from.service.name)
    ? from.addresses.slice(0, 1)
    : undefined;
}

function projectAddresses(sources: ResolveSources, from: Peer, wanted: string): readonly string[] {
  const { project, members, view } = sources;
  const wasm = wasmNames(project, from.service, wanted).flatMap(({ service, index }) =>
    members
      .filter((one) => one.service.name === service && (index === undefined || parseInstanceId(one.id).index === index))
      .flatMap((one) => one.addresses.slice(0, 1)),
  );
  return [...wasm, ...containerAddresses(project, from.service, view.endpoints, wanted)];
}

/** On an external network anything may have the name; else only what the project names. */
function mayBeContainer(project: Project, from: Peer, wanted: string): boolean {
  const networks = engineNetworks(project, from.service);
  const open = networks.some((network) => project.networks[network]?.external === true);
  return open || (networks.length > 0 && isProjectName(project, wanted));
}

async function outsideAddresses(
  sources: ResolveSources,
  from: Peer,
  wanted: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { project } = sources;
  const { service } = from;
  if (isProjectName(project, wanted) || !hasWayOut(project, service)) return [];
  if (!outboundNames(service.outbound, wanted)) return [];
  try {
    return await sources.lookup(wanted, signal);
  } catch (error) {
    signal.throwIfAborted();
    sources.onNotice(`${from.id} asks for ${wanted}, and no name server answers: ${message(error)}`);
    return [];
  }
}

function isIpv4(address: string): boolean {
  return parseMappedIpv4(address) !== undefined;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
