import { execFile } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { projectName } from '../../src/model/ids.ts';
import type { ServiceCommon, WasmService } from '../../src/model/project.ts';
import { createWasmRuntime } from '../../src/runtime/wasm/driver.ts';
import { FakeFabric } from '../fake/fabric.ts';
import { wasmService } from '../fake/wasm-service.ts';
import type { Program, Subject } from './subject.ts';

/** The Wasm driver with guests of ours, on a network without an Engine. */
export async function openWasmSubject(): Promise<Subject<WasmService>> {
  return subject('worker', createWasmRuntime);
}

/**
 * The same with a process for each guest. From what was built: a process loads our code anew each time, and half a
 * second of that would be for taking the types out of the sources.
 */
export async function openProcessSubject(): Promise<Subject<WasmService>> {
  building ??= promisify(execFile)(process.execPath, [path.join(ROOT, 'scripts', 'build.mjs')]);
  await building;
  const built = pathToFileURL(path.join(ROOT, 'dist', 'runtime', 'wasm', 'driver.js')).href;
  const driver = (await import(/* @vite-ignore */ built)) as { readonly createWasmRuntime: typeof createWasmRuntime };
  return subject('process', driver.createWasmRuntime);
}

const ROOT = path.join(import.meta.dirname, '..', '..');
let building: Promise<unknown> | undefined;

function subject(isolation: WasmService['isolation'], create: typeof createWasmRuntime): Subject<WasmService> {
  const fabric = new FakeFabric();
  const runtime = create({ fabric });
  return {
    runtime,
    project: projectName('contract'),
    otherProject: projectName('other'),
    networks: [],
    service: (name: string, program: Program, common: Partial<ServiceCommon> = {}) =>
      wasmService(name, 'tool', toolArgs(program), { isolation, ...common }),
    lines: async (_handle, logs) => logs.lines,
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await fabric[Symbol.asyncDispose]();
    },
  };
}

function toolArgs(program: Program): readonly string[] {
  switch (program.does) {
    case 'exit':
      return ['exit', String(program.code)];
    case 'wait':
    case 'spin':
      return [program.does];
    case 'print':
      return ['print', ...program.lines.map((line) => `${line.stream === 'stderr' ? 'err' : 'out'}=${line.text}`)];
    case 'count':
      return ['count', String(program.count)];
    case 'print-args':
      return ['args', ...program.args];
    case 'print-env':
      return ['env', ...program.names];
    case 'append':
      return ['append', program.path, program.text];
    case 'read':
      return ['read', program.path];
  }
}
