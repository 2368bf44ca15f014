import { CLI } from './cli.ts';
import { CLOCKS } from './clocks.ts';
import { FILESYSTEM } from './filesystem.ts';
import type { HostInterface } from './interface.ts';
import { HTTP } from '../http/types.ts';
import { POLL } from './pollable.ts';
import { RANDOM } from './random.ts';
import { SOCKETS } from './sockets.ts';
import { ERROR, STREAMS } from './streams.ts';

/** All that components may import, without versions: a function means the same in every release of 0.2. */
const INTERFACES: ReadonlyMap<string, HostInterface> = new Map(
  Object.entries({
    'wasi:io/error': ERROR,
    'wasi:io/poll': POLL,
    'wasi:io/streams': STREAMS,
    ...CLI,
    ...CLOCKS,
    ...RANDOM,
    ...FILESYSTEM,
    ...HTTP,
    ...SOCKETS,
  }),
);

/** `wasi:io/streams@0.2.3`: stable releases of 0.2 only add to the ones before them. */
const VERSION = /@0\.2\.\d+$/;

/** The host's side of an interface, by the name that a component imports it by; undefined: it has none. */
export function hostInterface(name: string): HostInterface | undefined {
  return VERSION.test(name) ? INTERFACES.get(name.replace(VERSION, '')) : undefined;
}
