import { ProcessExit } from '../../wasi/proc.ts';
import { descriptorSource, outputSink } from './descriptor-streams.ts';
import { type ComponentGuest, type HostInterface, resource, type Result } from './interface.ts';

/** `wasi:cli`: arguments, environment, the standard streams. None of them is a terminal. */
export const CLI: Readonly<Record<string, HostInterface>> = {
  'wasi:cli/environment': {
    functions: {
      'get-environment': (guest: ComponentGuest) => guest.env.map(pair),
      'get-arguments': (guest: ComponentGuest) => guest.args,
      'initial-cwd': (guest: ComponentGuest) => guest.workingDir,
    },
  },
  'wasi:cli/exit': {
    functions: {
      exit: (_guest: ComponentGuest, status: Result<undefined, undefined>) => {
        throw new ProcessExit(status.tag === 'ok' ? 0 : 1);
      },
      'exit-with-code': (_guest: ComponentGuest, code: number) => {
        throw new ProcessExit(code);
      },
    },
  },
  'wasi:cli/stdin': { functions: { 'get-stdin': (guest: ComponentGuest) => descriptorSource(guest.stdin) } },
  'wasi:cli/stdout': {
    functions: {
      'get-stdout': (guest: ComponentGuest) =>
        outputSink(
          (chunk) => guest.stdout(chunk),
          () => guest.waiters.wake(),
        ),
    },
  },
  'wasi:cli/stderr': {
    functions: {
      'get-stderr': (guest: ComponentGuest) =>
        outputSink(
          (chunk) => guest.stderr(chunk),
          () => guest.waiters.wake(),
        ),
    },
  },
  'wasi:cli/terminal-input': { resources: { 'terminal-input': resource('terminal-input') }, functions: {} },
  'wasi:cli/terminal-output': { resources: { 'terminal-output': resource('terminal-output') }, functions: {} },
  'wasi:cli/terminal-stdin': { functions: { 'get-terminal-stdin': none } },
  'wasi:cli/terminal-stdout': { functions: { 'get-terminal-stdout': none } },
  'wasi:cli/terminal-stderr': { functions: { 'get-terminal-stderr': none } },
};

function none(): undefined {
  return undefined;
}

function pair(entry: string): readonly [name: string, value: string] {
  const at = entry.indexOf('=');
  return [entry.slice(0, at), entry.slice(at + 1)];
}
