import type { Engine } from '../../src/runtime/container/engine.ts';
import { EngineError } from '../../src/runtime/container/errors.ts';

type Labels = Readonly<Record<string, string>>;

/** A container, a network or a volume, with what decides whose it is. */
export interface Thing {
  readonly kind: 'containers' | 'networks' | 'volumes';
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly status: 'running' | 'exited' | 'created';
}

interface Request {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  readonly body?: unknown;
}

/** An Engine in memory: lists by label as the real one, keeps names unique, and remembers what was done to what. */
export class MemoryEngine {
  /** Everything that a request changed, as it was before: never what was only looked at. */
  readonly touched: Thing[] = [];
  readonly #things: Thing[];
  #made = 0;

  constructor(things: readonly Thing[]) {
    this.#things = [...things];
  }

  get things(): readonly Thing[] {
    return this.#things;
  }

  /** For the code that talks to a real one. */
  asEngine(): Engine {
    const supports = (): boolean => true;
    const request = async (method: string, path: string, options: Request): Promise<unknown> =>
      this.#answer(method, path, options);
    return { description: 'memory', isLocal: true, apiVersion: '1.50', supports, request } as unknown as Engine;
  }

  #answer(method: string, path: string, { query = {}, filters = {}, body }: Request): unknown {
    const [kind, which, verb] = partsOf(path);
    if (kind === 'images') return { Id: `sha256:${which}`, Os: 'linux', Architecture: 'amd64' };
    if (method === 'GET' && (which === '' || which === 'json') && verb === '') return this.#list(kind, filters);
    if (method === 'POST' && which === 'create') return this.#create(kind as Thing['kind'], query, body);
    const found = this.#find(kind, which, (body as { Container?: string } | undefined)?.Container);
    if (found === undefined) throw new EngineError(`${method} ${path}`, 404, `no such object: ${which}`);
    if (method === 'GET') return show(found);
    this.touched.push(found);
    this.#change(found, method, verb, query);
    return undefined;
  }

  /** Who is connected to a network is changed by it, and not the network. */
  #find(kind: string, which: string, connected: string | undefined): Thing | undefined {
    const wanted = connected ?? which;
    return this.#things.find(
      (thing) =>
        thing.kind === (connected === undefined ? kind : 'containers') && [thing.id, thing.name].includes(wanted),
    );
  }

  #list(kind: string, filters: Readonly<Record<string, readonly string[]>>): unknown {
    const found = this.#things.filter(
      (thing) =>
        thing.kind === kind &&
        (filters['label'] ?? []).every((label) => {
          const [key = '', value] = label.split('=', 2);
          return value === undefined ? key in thing.labels : thing.labels[key] === value;
        }) &&
        (filters['name'] ?? ['']).some((name) => thing.name.includes(name)) &&
        (filters['status'] ?? [thing.status]).includes(thing.status),
    );
    return kind === 'volumes' ? { Volumes: found.map(show) } : found.map(show);
  }

  #create(
    kind: Thing['kind'],
    query: Readonly<Record<string, string | number | boolean | undefined>>,
    body: unknown,
  ): unknown {
    const wanted = body as { Name?: string; Labels?: Labels };
    const id = `new${++this.#made}`.padEnd(64, '0');
    const name = String(query['name'] ?? wanted.Name ?? id);
    this.#requireFree(kind, name);
    const made: Thing = {
      kind,
      id: kind === 'volumes' ? name : id,
      name,
      labels: wanted.Labels ?? {},
      status: 'created',
    };
    this.#things.push(made);
    return show(made);
  }

  #change(
    thing: Thing,
    method: string,
    verb: string,
    query: Readonly<Record<string, string | number | boolean | undefined>>,
  ): void {
    const at = this.#things.indexOf(thing);
    if (method === 'DELETE') this.#things.splice(at, 1);
    else if (verb === 'start') this.#things[at] = { ...thing, status: 'running' };
    else if (verb === 'stop' || verb === 'kill') this.#things[at] = { ...thing, status: 'exited' };
    else if (verb === 'rename') {
      this.#requireFree(thing.kind, String(query['name']));
      this.#things[at] = { ...thing, name: String(query['name']) };
    }
  }

  #requireFree(kind: Thing['kind'], name: string): void {
    // Networks may have one name; a volume of that name is simply used.
    if (kind === 'containers' && this.#things.some((thing) => thing.kind === kind && thing.name === name))
      throw new EngineError(
        'create',
        409,
        `Conflict. The container name "/${name}" is already in use by container "x".`,
      );
  }
}

/** `/containers/web/start`: the kind, which one, and what is to be done. */
function partsOf(path: string): readonly [kind: string, which: string, verb: string] {
  const [kind = '', which = '', verb = ''] = path.slice(1).split('/').map(decodeURIComponent);
  return [kind, which, verb];
}

/** One shape for listing and inspection: each reads its part. */
function show({ kind, id, name, labels, status }: Thing): unknown {
  if (kind !== 'containers')
    return { Id: id, Name: name, Labels: labels, Created: '2026-01-01T00:00:00Z', Driver: 'local', Mountpoint: '/m' };
  return {
    Id: id,
    Name: `/${name}`,
    Names: [`/${name}`],
    Labels: labels,
    Image: 'img',
    ImageID: 'sha256:img',
    Created: '2026-01-01T00:00:00Z',
    RestartCount: 0,
    State: {
      Status: status,
      Running: status === 'running',
      Restarting: false,
      ExitCode: 0,
      StartedAt: '2026-01-01T00:00:00Z',
      FinishedAt: '2026-01-01T00:00:00Z',
    },
    Config: { Image: 'img', Tty: false, Labels: labels },
    HostConfig: {},
    Mounts: [],
    NetworkSettings: { Ports: {}, Networks: {} },
  };
}
