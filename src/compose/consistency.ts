import { child, entriesOf, isTrue, itemsOf, numberOf, textOf } from './node.ts';
import type { MapNode, Node } from './node.ts';
import { nearest } from './nearest.ts';
import type { Problems } from './problems.ts';
import type { Path } from './source-file.ts';

/** What the enabled services refer to must be there, and what they say must not contradict itself. */
export function checkConsistency(model: MapNode, disabled: ReadonlySet<string>, problems: Problems): void {
  const services = new Map(entriesOf(child(model, 'services')));
  for (const [name, service] of services) {
    new ServiceCheck(name, service, { model, services, disabled, problems }).run();
  }
  checkCycles(services, problems);
}

interface Surroundings {
  readonly model: MapNode;
  readonly services: ReadonlyMap<string, Node>;
  readonly disabled: ReadonlySet<string>;
  readonly problems: Problems;
}

class ServiceCheck {
  readonly #name: string;
  readonly #service: Node;
  readonly #around: Surroundings;

  constructor(name: string, service: Node, around: Surroundings) {
    this.#name = name;
    this.#service = service;
    this.#around = around;
  }

  run(): void {
    this.#somethingToRun();
    this.#build();
    this.#networks();
    this.#dependencies();
    this.#references();
    this.#sameSaidTwice();
    this.#replicas();
    this.#watch();
    this.#mounts();
  }

  #error(at: Node, keys: Path, message: string, hint?: string): void {
    this.#around.problems.error(at.at, ['services', this.#name, ...keys], message, hint);
  }

  #somethingToRun(): void {
    const service = this.#service;
    const wasm = child(service, 'x-wasm');
    const given = ['image', 'build', 'provider'].some((key) => child(service, key) !== undefined);
    const module = ['module', 'runtime', 'spin', 'build'].some((key) => child(wasm, key) !== undefined);
    if (given || module) return;
    this.#error(
      service,
      [],
      `service "${this.#name}" has neither an image nor a build context specified`,
      wasm === undefined ? 'give it image: or build:' : 'give it image:, build: or x-wasm.module',
    );
  }

  #build(): void {
    const build = child(this.#service, 'build');
    if (
      child(build, 'dockerfile') !== undefined &&
      child(build, 'dockerfile_inline') !== undefined &&
      build !== undefined
    ) {
      this.#error(
        build,
        ['build'],
        `service "${this.#name}" declares mutually exclusive dockerfile and dockerfile_inline`,
      );
    }
    for (const [key, value] of entriesOf(child(build, 'additional_contexts'))) {
      const text = textOf(value) ?? '';
      if (!text.startsWith('service:')) continue;
      const target = text.slice('service:'.length);
      const other = this.#around.services.get(target);
      const fault = other === undefined ? 'unknown' : child(other, 'build') === undefined ? 'non-buildable' : undefined;
      if (fault === undefined) continue;
      const message = `service "${this.#name}" declares ${fault} service "${target}" as additional contexts ${key}`;
      this.#error(value, ['build', 'additional_contexts', key], message);
    }
    const platform = child(this.#service, 'platform');
    const platforms = itemsOf(child(build, 'platforms')).map(textOf);
    if (platform !== undefined && platforms.length > 0 && !platforms.includes(textOf(platform))) {
      this.#error(platform, ['platform'], `build.platforms must include the service's platform "${textOf(platform)}"`);
    }
  }

  #networks(): void {
    const networks = child(this.#service, 'networks');
    const mode = child(this.#service, 'network_mode');
    if (mode !== undefined && entriesOf(networks).length > 0) {
      this.#error(
        mode,
        ['network_mode'],
        `service ${this.#name} declares mutually exclusive \`network_mode\` and \`networks\``,
      );
    }
    const target = textOf(mode)?.startsWith('service:') === true ? textOf(mode)?.slice('service:'.length) : undefined;
    // Where the model is normalised, the dependency that this implies is told of.
    const implied = target !== undefined && child(this.#service, 'depends_on', target) !== undefined;
    if (mode !== undefined && target !== undefined && !implied && !this.#around.services.has(target)) {
      this.#error(mode, ['network_mode'], `service "${target}" not found for network_mode 'service:${target}'`);
    }
    this.#declared('networks', entriesOf(networks), 'network');
  }

  #dependencies(): void {
    for (const [name, dependency] of entriesOf(child(this.#service, 'depends_on'))) {
      if (this.#around.services.has(name)) continue;
      const off = this.#around.disabled.has(name);
      if (off && !isTrue(child(dependency, 'required'))) continue;
      this.#error(
        dependency,
        ['depends_on', name],
        `service "${this.#name}" depends on undefined service "${name}"`,
        off
          ? `"${name}" is in a profile that is not enabled; enable it or set required: false`
          : this.#hint(name, this.#around.services.keys()),
      );
    }
  }

  #references(): void {
    const service = this.#service;
    const named = (list: Node | undefined): readonly (readonly [string, Node])[] =>
      itemsOf(list).flatMap((item) => {
        const source = textOf(child(item, 'source'));
        return source === undefined ? [] : [[source, item] as const];
      });
    const volumes = named(child(service, 'volumes')).filter(([, item]) => textOf(child(item, 'type')) === 'volume');
    this.#declared('volumes', volumes, 'volume');
    this.#declared('configs', named(child(service, 'configs')), 'config');
    this.#declared('secrets', named(child(service, 'secrets')), 'secret');
    this.#declared('secrets', named(child(service, 'build', 'secrets')), 'build secret');
    this.#declared('models', entriesOf(child(service, 'models')), 'model');
  }

  #declared(section: string, used: readonly (readonly [string, Node])[], what: string): void {
    const known = child(this.#around.model, section);
    for (const [name, at] of used) {
      if (name === '' || child(known, name) !== undefined) continue;
      const message = `service "${this.#name}" refers to undefined ${what} ${name}`;
      this.#error(
        at,
        [section, name],
        message,
        this.#hint(name, namesOf(known)) ?? `declare it under ${section}: at the top level`,
      );
    }
  }

  /** Old attributes and those of `deploy` must agree. */
  #sameSaidTwice(): void {
    const deploy = child(this.#service, 'deploy');
    for (const [key, path] of SAME) {
      const old = child(this.#service, key);
      const limit = child(deploy, ...path);
      // As soon as there are limits at all, docker compose compares; a limit that is not said differs from one that is.
      const section = path.length > 1 ? child(deploy, ...path.slice(0, -1)) : limit;
      if (old === undefined || section === undefined || deploy === undefined || valueOf(old) === valueOf(limit))
        continue;
      const other = `deploy.${path.join('.')}`;
      this.#error(old, [key], `services.${this.#name}: can't set distinct values on '${key}' and '${other}'`);
    }
  }

  #replicas(): void {
    const scale = child(this.#service, 'scale');
    const replicas = child(this.#service, 'deploy', 'replicas');
    const name = child(this.#service, 'container_name');
    const count = numberOf(scale) ?? numberOf(replicas) ?? 1;
    if (name === undefined || count <= 1) return;
    const key = scale === undefined ? 'deploy.replicas' : 'scale';
    const message = `services.${this.#name}: can't set container_name and ${key} as container name must be unique`;
    this.#error(name, ['container_name'], message);
  }

  #watch(): void {
    for (const [index, rule] of itemsOf(child(this.#service, 'develop', 'watch')).entries()) {
      const action = textOf(child(rule, 'action'));
      if (child(rule, 'target') !== undefined || action === 'rebuild' || action === 'restart') continue;
      const path = ['develop', 'watch', index];
      this.#error(rule, path, `services.${this.#name}.develop.watch: target is required for non-rebuild actions`);
    }
  }

  /** Two mounts at one place hide each other. */
  #mounts(): void {
    const taken = new Map<string, string>();
    const claim = (target: string | undefined, key: string, index: number, at: Node): void => {
      if (target === undefined) return;
      const place = `services.${this.#name}.${key}[${index}]`;
      const other = taken.get(target);
      if (other !== undefined) this.#error(at, [key, index], `${place}: target ${target} already mounted as ${other}`);
      taken.set(target, place);
    };
    for (const [index, item] of itemsOf(child(this.#service, 'tmpfs')).entries()) {
      claim((textOf(item) ?? '').split(':')[0], 'tmpfs', index, item);
    }
    for (const [index, item] of itemsOf(child(this.#service, 'volumes')).entries()) {
      claim(textOf(child(item, 'target')), 'volumes', index, item);
    }
  }

  #hint(name: string, known: Iterable<string>): string | undefined {
    const close = nearest(name, known);
    return close === undefined ? undefined : `did you mean "${close}"?`;
  }
}

function namesOf(node: Node | undefined): readonly string[] {
  return entriesOf(node).map(([name]) => name);
}

const SAME: readonly (readonly [string, readonly string[]])[] = [
  ['scale', ['replicas']],
  ['cpus', ['resources', 'limits', 'cpus']],
  ['mem_limit', ['resources', 'limits', 'memory']],
  ['mem_reservation', ['resources', 'reservations', 'memory']],
  ['pids_limit', ['resources', 'limits', 'pids']],
];

function valueOf(node: Node | undefined): unknown {
  return node?.kind === 'scalar' ? node.value : undefined;
}

/** Services that wait for each other would wait for ever. The walk does not call itself, since chains may be long. */
function checkCycles(services: ReadonlyMap<string, Node>, problems: Problems): void {
  const done = new Set<string>();
  for (const start of services.keys()) {
    // What is being looked at: each name is needed by the one before it.
    const open = new Set<string>();
    const steps: Step[] = done.has(start) ? [] : [{ enter: start }];
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      if ('leave' in step) {
        open.delete(step.leave);
        done.add(step.leave);
      } else if (open.has(step.enter)) {
        tellCycle([...open], step.enter, services, problems);
        return;
      } else if (!done.has(step.enter)) {
        open.add(step.enter);
        steps.push({ leave: step.enter });
        const needed = entriesOf(child(services.get(step.enter), 'depends_on'));
        for (const [name] of needed.toReversed()) steps.push({ enter: name });
      }
    }
  }
}

type Step = { readonly enter: string } | { readonly leave: string };

function tellCycle(
  open: readonly string[],
  name: string,
  services: ReadonlyMap<string, Node>,
  problems: Problems,
): void {
  const last = open.at(-1) ?? name;
  const at = child(services.get(last), 'depends_on');
  if (at === undefined) return;
  const cycle = [...open.slice(open.indexOf(name)), name].join(' -> ');
  problems.error(at.at, ['services', last, 'depends_on'], `dependency cycle detected: ${cycle}`);
}
