import type { ContainerService, ServiceCommon } from '../../src/model/project.ts';
import { followLogs } from '../../src/runtime/container/follow-logs.ts';
import { LogCollector } from '../fake/log-collector.ts';
import { Sandbox } from '../runtime/container/sandbox.ts';
import type { Program, Subject } from './subject.ts';

/** The container driver on the Engine of this machine, with busybox for a program. */
export async function openContainerSubject(): Promise<Subject<ContainerService>> {
  const sandbox = await Sandbox.open();
  const other = await Sandbox.open();
  return {
    runtime: sandbox.runtime,
    project: sandbox.project,
    otherProject: other.project,
    networks: [],
    service: (name: string, program: Program, common: Partial<ServiceCommon> = {}) =>
      sandbox.service(name, command(program), common),
    lines: async (handle) => {
      const log = new LogCollector();
      await followLogs(sandbox.engine, handle, undefined, log, sandbox.signal);
      log.flush();
      return log.lines;
    },
    [Symbol.asyncDispose]: async () => {
      await sandbox[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  };
}

function command(program: Program): readonly string[] {
  switch (program.does) {
    case 'exit':
      return shell(`exit ${program.code}`);
    case 'wait':
      return ['sleep', '3600'];
    case 'spin':
      return shell('while :; do :; done');
    case 'print': {
      const lines = program.lines.map(({ stream }, at) => `echo "$${at + 1}"${stream === 'stderr' ? ' >&2' : ''}`);
      return shell(lines.join('; '), ...program.lines.map(({ text }) => text));
    }
    case 'count':
      return shell(`i=0; while [ $i -lt ${program.count} ]; do echo "line $i"; i=$((i+1)); done`);
    case 'print-args':
      return shell('for arg in "$@"; do echo "$arg"; done', ...program.args);
    case 'print-env':
      return shell(
        'for name in "$@"; do eval "[ -n \\"\\${$name+set}\\" ] && echo \\"$name=\\$$name\\""; done',
        ...program.names,
      );
    case 'append':
      return shell('echo "$1" >> "$2"', program.text, program.path);
    case 'read':
      return ['cat', program.path];
  }
}

function shell(script: string, ...args: readonly string[]): readonly string[] {
  return ['sh', '-c', script, 'sh', ...args];
}
