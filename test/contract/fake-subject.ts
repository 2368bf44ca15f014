import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { projectName } from '../../src/model/ids.ts';
import type { ServiceCommon, WasmService } from '../../src/model/project.ts';
import type { ExitStatus } from '../../src/model/state.ts';
import type { CreateRequest } from '../../src/runtime/runtime.ts';
import { FakeRuntime } from '../fake/runtime.ts';
import { wasmService } from '../fake/wasm-service.ts';
import type { Program, Subject } from './subject.ts';

/** The fake, held to the behaviour it stands for. */
export async function openFakeSubject(): Promise<Subject<WasmService>> {
  const programs = new Map<string, Program>();
  const runtime = new FakeRuntime<WasmService>({
    kind: 'wasm',
    program: async (request, signal) => await perform(programs.get(request.service.name), request, signal),
  });
  return {
    runtime,
    project: projectName('contract'),
    otherProject: projectName('other'),
    networks: [],
    service: (name: string, program: Program, common: Partial<ServiceCommon> = {}) => {
      programs.set(name, program);
      return wasmService(name, { path: '/none.wasm' }, [], common);
    },
    lines: async (_handle, logs) => logs.lines,
    [Symbol.asyncDispose]: async () => await runtime[Symbol.asyncDispose](),
  };
}

async function perform(
  program: Program | undefined,
  request: CreateRequest<WasmService>,
  signal: AbortSignal,
): Promise<ExitStatus> {
  // A program runs after `start` has resolved, never within it.
  await Promise.resolve();
  const print = (text: string, stream: 'stdout' | 'stderr' = 'stdout'): void =>
    request.logs.write(stream, Buffer.from(`${text}\n`));
  switch (program?.does) {
    case undefined:
      throw new Error(`no program for ${request.id}`);
    case 'exit':
      return { how: 'code', code: program.code };
    case 'wait':
    case 'spin': {
      const { promise, resolve } = Promise.withResolvers<ExitStatus>();
      signal.addEventListener('abort', () => resolve({ how: 'killed' }), { once: true });
      return await promise;
    }
    case 'append':
      return append(request, program.path, program.text);
    case 'print':
      for (const line of program.lines) print(line.text, line.stream === 'stderr' ? 'stderr' : 'stdout');
      return { how: 'code', code: 0 };
    case 'count':
    case 'print-args':
    case 'print-env':
    case 'read':
      for (const line of linesOf(program, request)) print(line);
      return { how: 'code', code: 0 };
  }
}

type Printing = Extract<Program, { does: 'count' | 'print-args' | 'print-env' | 'read' }>;

function linesOf(program: Printing, request: CreateRequest<WasmService>): readonly string[] {
  switch (program.does) {
    case 'count':
      return Array.from({ length: program.count }, (_, i) => `line ${i}`);
    case 'print-args':
      return program.args;
    case 'print-env':
      return program.names.flatMap((name) => {
        const value = request.service.environment[name];
        return typeof value === 'string' ? [`${name}=${value}`] : [];
      });
    case 'read':
      return readFileSync(hostFile(request, program.path)?.file ?? '', 'utf8')
        .trimEnd()
        .split('\n');
  }
}

function append(request: CreateRequest<WasmService>, file: string, text: string): ExitStatus {
  const host = hostFile(request, file);
  if (host?.readOnly === true) return { how: 'code', code: 1 };
  if (host !== undefined) appendFileSync(host.file, `${text}\n`);
  return { how: 'code', code: 0 };
}

/** Undefined for what is in memory only. */
function hostFile(
  request: CreateRequest<WasmService>,
  file: string,
): { readonly file: string; readonly readOnly: boolean } | undefined {
  const mount = request.mounts.find(({ spec }) => file.startsWith(`${spec.target}/`));
  if (mount?.hostPath === undefined) return undefined;
  const { target, readOnly } = mount.spec;
  return { file: path.join(mount.hostPath, file.slice(target.length)), readOnly };
}
