import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { compileCacheDir, projectDirs } from '../control/project-dirs.ts';
import { PROTOCOL_VERSION } from '../control/protocol.ts';
import { serveControl } from '../control/server.ts';
import { serveSessions } from '../control/session-server.ts';
import { readVersion } from '../control/version.ts';
import { toWireError } from '../model/diagnostic.ts';
import { projectName } from '../model/ids.ts';
import type { ProjectName } from '../model/ids.ts';
import { untilIdle } from './idle.ts';
import { acquireLease } from './lock.ts';
import { OneOffs } from './one-offs.ts';
import { openParts } from './parts.ts';
import { ProjectSupervisor } from './project-supervisor.ts';
import { createRoutes } from './routes.ts';
import { createSessions } from './sessions.ts';
import { trace, traceError } from './trace.ts';

/** Descriptor 3: one JSON line that says whether the supervisor serves, or what was observed. */
function reply(message: object): void {
  writeSync(3, `${JSON.stringify(message)}\n`);
}

async function serve(name: ProjectName): Promise<void> {
  // It was for this process, not for the programs that it runs.
  if (process.env['NODE_COMPILE_CACHE'] === compileCacheDir(process.env)) delete process.env['NODE_COMPILE_CACHE'];
  const dirs = projectDirs(name, process.env);
  const shutdown = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => shutdown.abort());
  using _lease = await acquireLease(dirs.lock, LOCK_WAIT_MS, shutdown.signal);
  mkdirSync(dirs.state, { recursive: true, mode: 0o700 });
  let empty: boolean;
  {
    await using parts = await openParts(name, dirs, shutdown.signal);
    const supervisor = new ProjectSupervisor(parts);
    let open = 0;
    const busy = (): Disposable => {
      open++;
      return { [Symbol.dispose]: () => void open-- };
    };
    // Who asks for the info is about to send a request: the process must not end between the two.
    let announcedAt = Number.NEGATIVE_INFINITY;
    const announced = (): void => {
      announcedAt = performance.now();
    };
    const info = { version: readVersion(), protocol: PROTOCOL_VERSION, project: name, pid: process.pid };
    const routes = createRoutes({ ...parts, info, supervisor, shutdown: shutdown.signal, busy, announced });
    const server = await serveControl(dirs.socket, routes, traceError);
    const context = { ...parts, supervisor, shutdown: shutdown.signal, busy };
    const oneOffs = new OneOffs({ ...context, ...parts.oneOffs });
    serveSessions(server, createSessions({ ...context, oneOffs }), traceError);
    trace('serving', { name, pid: process.pid });
    reply({ ok: true });
    await untilIdle(
      {
        isIdle: () =>
          open === 0 && performance.now() > announcedAt + ANNOUNCED_MS && (supervisor.empty || parts.isUnused()),
        pollMs: IDLE_POLL_MS,
        looks: () => (supervisor.empty ? 1 : IDLE_LOOKS),
      },
      shutdown.signal,
    );
    shutdown.abort();
    await closeServer(server);
    await supervisor.recordWasm();
    ({ empty } = supervisor);
  }
  trace('ended', { name, empty });
  // While the lock is held: the next supervisor may be waiting for it, and makes files of these names then.
  if (empty) rmSync(dirs.state, { recursive: true, force: true });
  for (const file of readdirSync(dirs.run).map((entry) => join(dirs.run, entry))) {
    if (file !== dirs.lock) rmSync(file, { recursive: true, force: true });
  }
}

/** Streams end by themselves after the shutdown signal and tell their clients so; one that is stuck is cut off. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const patience = new AbortController();
  await Promise.race([closed, delay(CLOSE_MS, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
  server.closeAllConnections();
}

/** For `ps` of a project that no supervisor serves: looks once, starts and writes nothing. */
async function observe(name: ProjectName): Promise<void> {
  const { observeStored } = await import('./observe-stored.ts');
  reply({ ok: await observeStored(name, projectDirs(name, process.env), AbortSignal.timeout(OBSERVE_MS)) });
}

/** For `ls`. */
async function list(): Promise<void> {
  const { listProjects } = await import('./list-projects.ts');
  reply({ ok: await listProjects(process.env, AbortSignal.timeout(OBSERVE_MS)) });
}

/** For `inspect-module`. */
async function inspect(kind: string, name: string): Promise<void> {
  const { inspectModule } = await import('./inspect-module.ts');
  reply({
    ok: await inspectModule(kind === 'file' ? { file: name } : { image: name }, AbortSignal.timeout(INSPECT_MS)),
  });
}

/** For `version`: which Engine it would be. */
async function reportOnEngine(): Promise<void> {
  const { reportEngine } = await import('./engine-report.ts');
  reply({ ok: await reportEngine(process.env, AbortSignal.timeout(OBSERVE_MS)) });
}

const LOCK_WAIT_MS = 3_000;
const ANNOUNCED_MS = 300;
const CLOSE_MS = 500;
const IDLE_POLL_MS = 100;
const IDLE_LOOKS = 50;
const OBSERVE_MS = 10_000;
const INSPECT_MS = 60_000;

const [mode, raw = '', name = ''] = process.argv.slice(2);
try {
  if (mode === 'observe') await observe(projectName(raw));
  else if (mode === 'list') await list();
  else if (mode === 'engine') await reportOnEngine();
  else if (mode === 'inspect') await inspect(raw, name);
  else await serve(projectName(raw));
  process.exit(0);
} catch (error) {
  // What is written to stderr here is in the user's terminal; the client tells of the error.
  if (mode === 'serve' || mode === 'list') traceError(error);
  try {
    reply({ error: toWireError(error) });
  } catch {
    // EPIPE, EBADF: whoever started this process no longer listens.
  }
  process.exit(1);
}
