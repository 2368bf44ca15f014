import { projectName } from '../../src/model/ids.ts';
import type { ServiceCommon, WasmService } from '../../src/model/project.ts';
import { createWasmRuntime } from '../../src/runtime/wasm/driver.ts';
import { builtDriver } from '../fake/built-driver.ts';
import { FakeFabric } from '../fake/fabric.ts';
import { wasmService } from '../fake/wasm-service.ts';
import type { Program, Subject } from './subject.ts';

/** The Wasm driver with guests of ours, on a network without an Engine. */
export async function openWasmSubject(): Promise<Subject<WasmService>> {
  return subject('worker', createWasmRuntime);
}

/** The same with a process for each guest. */
export async function openProcessSubject(): Promise<Subject<WasmService>> {
  return subject('process', await builtDriver());
}

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
