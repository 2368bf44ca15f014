import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { resolve } from 'node:path';

import { WcError } from '../model/diagnostic.ts';
import type { SourceRef } from '../model/diagnostic.ts';
import type { MountSpec, PortSpec, Project } from '../model/project.ts';

/** `-p [[HOST:]PUBLISHED:]TARGET[/PROTOCOL]`, one port each. */
export function readPort(text: string): PortSpec {
  const [, address = '', published, target, protocol = 'tcp'] = PORT.exec(text) ?? [];
  const hostIp = address.replaceAll(/^\[|\]$/g, '');
  const numbers = [target ?? '0', published ?? '1'].map(Number);
  if (numbers.some((port) => port < 1 || port > 65_535) || (hostIp !== '' && isIP(hostIp) === 0)) {
    throw new WcError('ERR_USAGE', `not a port: ${text}`, {
      hint: 'write -p [[HOST:]PUBLISHED:]TARGET[/PROTOCOL]; each port has a -p of its own',
    });
  }
  return {
    target: Number(target),
    published: published === undefined ? undefined : Number(published),
    hostIp,
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    source: commandLine('-p'),
  };
}

/** `-v SOURCE:TARGET[:ro]`; a source with a slash is a directory, relative to where the command is given. */
export function readMount(text: string, project: Pick<Project, 'volumes'>, cwd: string): MountSpec {
  const [first = '', second, mode = '', ...more] = text.split(':');
  const target = second ?? first;
  if (!target.startsWith('/') || more.length > 0 || !MODES.has(mode)) {
    throw new WcError('ERR_USAGE', `not a mount: ${text}`, {
      hint: 'write -v SOURCE:TARGET[:ro], TARGET with a slash',
    });
  }
  const base = { target, readOnly: mode === 'ro', noCopy: false, origin: commandLine('-v') };
  if (second === undefined) return { ...base, type: 'volume', source: '', createHostPath: false };
  if (/^[./~]/.test(first)) {
    const source = resolve(cwd, first.replace(/^~(?=\/|$)/, homedir()));
    return { ...base, type: 'bind', source, createHostPath: true };
  }
  if (project.volumes[first] === undefined) {
    const known = Object.keys(project.volumes).toSorted().join(', ');
    throw new WcError('ERR_USAGE', `the project has no volume ${first}`, {
      hint: `${known === '' ? 'it uses no volume' : `it has: ${known}`}; a directory is written with a slash: ./${first}`,
    });
  }
  return { ...base, type: 'volume', source: first, createHostPath: false };
}

/** `-l NAME=VALUE` */
export function readLabels(entries: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

/** As a shell splits it at spaces; quotes keep them. */
export function splitWords(text: string): readonly string[] {
  const words = text.matchAll(/(?:[^\s"']|"(?:[^"\\]|\\.)*"|'[^']*')+/g);
  return [...words].map(([word]) =>
    word.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_all, double: string | undefined, single: string | undefined) =>
      double === undefined ? (single ?? '') : double.replaceAll(/\\(.)/g, '$1'),
    ),
  );
}

function commandLine(path: string): SourceRef {
  return { file: 'command line', line: 1, column: 1, path };
}

const PORT = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(?=\d*:))?(?:(\d+)?:)?(\d+)(?:\/(tcp|udp))?$/;
const MODES: ReadonlySet<string> = new Set(['', 'ro', 'rw', 'z', 'Z']);
