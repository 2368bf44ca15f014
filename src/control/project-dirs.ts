import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import type { ProjectName } from '../model/ids.ts';

/**
 * Where a project's files are. A project is known by its name alone, as with docker compose: the same name
 * from another directory is the same project. Nothing is created by asking.
 */
export interface ProjectDirs {
  /** Sockets and the lock; gone after a reboot. Short, because a socket path has 107 bytes at most. */
  readonly run: string;
  readonly socket: string;
  readonly lock: string;
  /** The last applied project, logs, the supervisor's own log. `down` removes it. */
  readonly state: string;
  readonly project: string;
  /** The Wasm instances that the supervisor runs or ran last. */
  readonly wasmRecord: string;
  /** Files of images that Wasm services are made of. */
  readonly images: string;
  readonly logs: string;
  readonly supervisorLog: string;
  /** Host directories of named volumes of all projects; only `down -v` removes one. */
  readonly volumes: string;
}

type Env = Readonly<Record<string, string | undefined>>;

export function projectDirs(name: ProjectName, env: Env): ProjectDirs {
  const id = shortId(name);
  const run = join(runBase(env), id);
  const state = join(xdg(env, 'XDG_STATE_HOME', '.local/state'), 'wcompose', id);
  return {
    run,
    socket: join(run, 'ctl.sock'),
    lock: join(run, 'lock.db'),
    state,
    project: join(state, 'project.json'),
    wasmRecord: join(state, 'wasm.json'),
    images: join(state, 'images'),
    logs: join(state, 'logs'),
    supervisorLog: join(state, 'supervisor.log'),
    volumes: join(xdg(env, 'XDG_DATA_HOME', '.local/share'), 'wcompose', 'volumes'),
  };
}

/** Where Node keeps compiled code of the supervisor, which then starts in about half the time; may go at any time. */
export function compileCacheDir(env: Env): string {
  return join(xdg(env, 'XDG_CACHE_HOME', '.cache'), 'wcompose', 'compiled');
}

/** Makes a directory that only this user can enter; one that somebody else owns is refused. */
export function makePrivateDir(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stat = lstatSync(path);
  const { uid } = userInfo();
  if (!stat.isDirectory() || (uid >= 0 && stat.uid !== uid)) {
    throw new WcError('ERR_NOT_OURS', `${path} belongs to another user or is not a directory`, {
      hint: 'set XDG_RUNTIME_DIR to a directory of your own',
    });
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(path, 0o700);
}

/** The name itself where it is short, so that a person finds the directory; else its beginning and a hash. */
function shortId(name: string): string {
  if (name.length <= MAX_ID) return name;
  return `${name.slice(0, MAX_ID - 13)}-${shortHash(name, 12)}`;
}

/** Loaded where a name is that long: it takes longer to load than most commands take. */
function shortHash(text: string, length: number): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', text).slice(0, length);
}

function runBase(env: Env): string {
  const given = env['XDG_RUNTIME_DIR'];
  const base =
    given !== undefined && isAbsolute(given)
      ? join(given, 'wcompose')
      : join(xdg(env, 'XDG_STATE_HOME', '.local/state'), 'wcompose', 'run');
  if (base.length <= MAX_RUN_BASE) return base;
  // A long home directory would make socket paths too long for the kernel.
  const { uid } = userInfo();
  const hash = shortHash(base, 8);
  return join(tmpdir().length <= 20 ? tmpdir() : '/tmp', `wcompose-${uid}-${hash}`);
}

function xdg(env: Env, variable: string, fallback: string): string {
  const value = env[variable];
  if (value !== undefined && isAbsolute(value)) return value;
  return join(env['HOME'] ?? homedir(), fallback);
}

const MAX_ID = 30;
/** 107 bytes less the id and the longest socket below it: `/<id>/n/<4 digits>/<5 digits>`. */
const MAX_RUN_BASE = 60;
