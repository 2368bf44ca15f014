import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What a control group holds a process to. */
export interface GroupLimits {
  /** Processors, or parts of one. */
  readonly cpus?: number | undefined;
  /** Held with control groups of version 2; otherwise only the module's own memory is. */
  readonly memoryBytes?: number | undefined;
  /** Threads. */
  readonly tasks?: number | undefined;
}

export interface ControlGroup {
  /** What could not be held, and why; for the service's log. */
  readonly refused: readonly string[];
  /** Puts a process into it: everything it starts is in it, too. */
  add(pid: number): void;
  /** After its processes have ended. */
  remove(): void;
}

/** Where control groups are, and which one this process is in. */
export interface GroupPlaces {
  readonly root: string;
  /** Text of `/proc/self/cgroup`: `hierarchy:controllers:path`, of version 2 `0::path`. */
  readonly own: string;
}

/**
 * A new control group below the one of this process, or below the nearest one above it that this user may divide: a
 * group with processes in it cannot be divided itself (version 2). Never throws.
 */
export function createGroup(name: string, limits: GroupLimits, places = systemPlaces()): ControlGroup {
  if (existsSync(path.join(places.root, 'cgroup.controllers'))) return unified(name, limits, places);
  return separate(name, limits, places);
}

const PERIOD_US = 100_000;

interface Setting {
  readonly what: string;
  readonly controller: string;
  readonly values: Readonly<Record<string, string>>;
}

function unified(name: string, limits: GroupLimits, { root, own }: GroupPlaces): ControlGroup {
  const wanted = settings(limits, {
    cpus: (cpus) => ({ 'cpu.max': `${quota(cpus)} ${PERIOD_US}` }),
    memory: (bytes) => ({ 'memory.max': String(bytes), 'memory.swap.max': '0' }),
    tasks: (count) => ({ 'pids.max': String(count) }),
  });
  if (wanted.length === 0) return group([], []);
  let reason = 'there is no group to divide';
  for (const parent of ancestors(pathOf(own, ''))) {
    const base = path.join(root, parent);
    const directory = path.join(base, name);
    try {
      // What is enabled already must not be asked for: it may be somebody else's to enable.
      const enabled = words(path.join(base, 'cgroup.subtree_control'));
      const missing = wanted.map(({ controller }) => controller).filter((controller) => !enabled.includes(controller));
      if (missing.length > 0) {
        writeFileSync(path.join(base, 'cgroup.subtree_control'), missing.map((one) => `+${one}`).join(' '));
      }
      makeGroup(directory);
    } catch (error) {
      reason = messageOf(error);
      continue;
    }
    return group([directory], apply(directory, wanted));
  }
  return group(
    [],
    wanted.map(({ what }) => `${what} is not held: no control group could be made (${reason})`),
  );
}

/** Version 1: a tree for each controller. */
function separate(name: string, limits: GroupLimits, { root, own }: GroupPlaces): ControlGroup {
  const wanted = settings(limits, {
    cpus: (cpus) => ({ 'cpu.cfs_period_us': String(PERIOD_US), 'cpu.cfs_quota_us': String(quota(cpus)) }),
    tasks: (count) => ({ 'pids.max': String(count) }),
  });
  const directories: string[] = [];
  const refused: string[] = [];
  for (const setting of wanted) {
    const { what, controller } = setting;
    const tree = path.join(root, controller);
    const below = path.join(tree, pathOf(own, controller));
    // In a container the path may be the one outside of it.
    const directory = path.join(existsSync(below) ? below : tree, name);
    try {
      makeGroup(directory);
      directories.push(directory);
      refused.push(...apply(directory, [setting]));
    } catch (error) {
      refused.push(`${what} is not held: no control group could be made (${messageOf(error)})`);
    }
  }
  return group(directories, refused);
}

/** Makes the group, and removes those that supervisors left which were killed: they are empty by now. */
function makeGroup(directory: string): void {
  mkdirSync(directory);
  const parent = path.dirname(directory);
  for (const name of readdirSync(parent)) {
    const pid = Number(/^wcompose-(\d+)-\d+$/.exec(name)?.[1] ?? Number.NaN);
    if (!Number.isNaN(pid) && !isAlive(pid)) removeGroup(path.join(parent, name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is somebody else's by now.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function removeGroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // EBUSY: the kernel has not buried its process yet. ENOENT: somebody was faster. An empty group costs nothing.
  }
}

interface SettingMakers {
  readonly cpus: (cpus: number) => Setting['values'];
  readonly memory?: (bytes: number) => Setting['values'];
  readonly tasks: (count: number) => Setting['values'];
}

function settings(limits: GroupLimits, make: SettingMakers): readonly Setting[] {
  const { cpus, memoryBytes, tasks } = limits;
  return [
    ...(cpus === undefined ? [] : [{ what: `cpus (${cpus})`, controller: 'cpu', values: make.cpus(cpus) }]),
    ...(memoryBytes === undefined || make.memory === undefined
      ? []
      : [{ what: 'the memory of its process', controller: 'memory', values: make.memory(memoryBytes) }]),
    ...(tasks === undefined ? [] : [{ what: 'pids', controller: 'pids', values: make.tasks(tasks) }]),
  ];
}

function apply(directory: string, wanted: readonly Setting[]): readonly string[] {
  return wanted.flatMap(({ what, values }) => {
    try {
      for (const [file, value] of Object.entries(values)) {
        const target = path.join(directory, file);
        // Where there is no swap, there is no limit of it.
        if (file !== 'memory.swap.max' || existsSync(target)) writeFileSync(target, value);
      }
      return [];
    } catch (error) {
      return [`${what} is not held: ${messageOf(error)}`];
    }
  });
}

function group(directories: readonly string[], refused: readonly string[]): ControlGroup {
  return {
    refused,
    add: (pid) => {
      for (const directory of directories) writeFileSync(path.join(directory, 'cgroup.procs'), String(pid));
    },
    remove: () => {
      for (const directory of directories) removeGroup(directory);
    },
  };
}

/** The smallest share that the kernel takes is a millisecond of a period. */
function quota(cpus: number): number {
  return Math.max(1_000, Math.round(cpus * PERIOD_US));
}

/** The path of this process's group in the tree of a controller; the empty one is version 2's. */
function pathOf(own: string, controller: string): string {
  for (const line of own.split('\n')) {
    const [, controllers = '', ...rest] = line.split(':');
    if (rest.length > 0 && controllers.split(',').includes(controller)) return rest.join(':');
  }
  return '/';
}

/** The group itself and those above it, the root last. */
function ancestors(of: string): readonly string[] {
  const all: string[] = [];
  for (let at = path.posix.normalize(of); ; at = path.posix.dirname(at)) {
    all.push(at);
    if (at === '/' || at === '.') return all;
  }
}

function words(file: string): readonly string[] {
  return readFileSync(file, 'utf8').trim().split(/\s+/);
}

function systemPlaces(): GroupPlaces {
  try {
    return { root: '/sys/fs/cgroup', own: readFileSync('/proc/self/cgroup', 'utf8') };
  } catch {
    // ENOENT: no Linux, so there is no group to be made either.
    return { root: '/sys/fs/cgroup', own: '' };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
