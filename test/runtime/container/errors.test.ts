import { describe, test } from 'vitest';

import type { SourceRef } from '../../../src/model/diagnostic.ts';
import { WcError } from '../../../src/model/diagnostic.ts';
import { EngineError, explain } from '../../../src/runtime/container/errors.ts';
import { container, here, mount } from '../../plan/fixtures.ts';

function at(line: number): SourceRef {
  return { ...here, line };
}

const service = container('web', {
  image: 'nginx:1',
  ports: [
    { target: 80, published: 8080, hostIp: '', protocol: 'tcp', source: at(10) },
    { target: 81, published: 8080, hostIp: '127.0.0.1', protocol: 'tcp', source: at(11) },
  ],
  mounts: [
    mount('/no/such', '/data', { type: 'bind', origin: at(20) }),
    mount('/srv', '/etc/passwd', { type: 'bind', origin: at(21) }),
  ],
});

/** [what, status, the Engine's words, code, part of the message, line of the source] */
const REFUSALS: readonly (readonly [string, number, string, string, RegExp, number])[] = [
  [
    'a port that another container has (20.10)',
    500,
    'driver failed programming external connectivity on endpoint web (1): Bind for 0.0.0.0:8080 failed: port is already allocated',
    'ERR_PORT_IN_USE',
    /^cannot start web: 0\.0\.0\.0:8080 is in use by another container$/,
    10,
  ],
  [
    'a port that a program has (20.10)',
    500,
    'Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use',
    'ERR_PORT_IN_USE',
    /127\.0\.0\.1:8080 is in use by another program/,
    11,
  ],
  [
    'a port that a program has (28)',
    500,
    'failed to set up container networking: driver failed programming external connectivity on endpoint web (1): failed to bind host port for 0.0.0.0:8080:172.18.0.2:80/tcp: address already in use',
    'ERR_PORT_IN_USE',
    /0\.0\.0\.0:8080 is in use by another program/,
    10,
  ],
  [
    'a port that a program has (29)',
    500,
    'failed to bind host port 127.0.0.1:8080/tcp: address already in use',
    'ERR_PORT_IN_USE',
    /127\.0\.0\.1:8080 is in use/,
    11,
  ],
  [
    'an address that is not of this host',
    500,
    'Error starting userland proxy: listen tcp4 10.9.9.9:8080: bind: cannot assign requested address',
    'ERR_PORT_IN_USE',
    /the Engine may not listen on 10\.9\.9\.9:8080/,
    10,
  ],
  ['an image that is not there', 404, 'No such image: nginx:1', 'ERR_IMAGE_NOT_FOUND', /^image nginx:1 is not on/, 1],
  [
    'an image for another platform',
    404,
    'image with reference nginx:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64',
    'ERR_IMAGE_NOT_FOUND',
    /another platform/,
    1,
  ],
  [
    'a name that is no image',
    400,
    'invalid reference format',
    'ERR_COMPOSE_INVALID',
    /not the name of an image: nginx:1/,
    1,
  ],
  [
    'a name that is taken',
    409,
    'Conflict. The container name "/web" is already in use by container "abc". You have to remove it.',
    'ERR_NAME_TAKEN',
    /^container name "web" is already in use/,
    1,
  ],
  [
    'no address range left',
    404,
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    'ERR_ENGINE_REFUSED',
    /no free address range left/,
    1,
  ],
  [
    'no address range left (28)',
    400,
    'all predefined address pools have been fully subnetted',
    'ERR_ENGINE_REFUSED',
    /no free address range left/,
    1,
  ],
  [
    'a directory that does not exist',
    400,
    'invalid mount config for type "bind": bind source path does not exist: /no/such',
    'ERR_MOUNT',
    /does not exist: \/no\/such$/,
    20,
  ],
  [
    'a directory on a file',
    400,
    'error during container init: error mounting "/srv" to rootfs at "/etc/passwd": mount /srv:/etc/passwd, flags: 0x5000: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)?',
    'ERR_MOUNT',
    /one of \/srv and \/etc\/passwd in the image is a file/,
    21,
  ],
  [
    'two mounts at one place',
    400,
    'Duplicate mount point: /data',
    'ERR_MOUNT',
    /two mounts have the target \/data$/,
    20,
  ],
  [
    'a mount that fails otherwise',
    500,
    'error while mounting volume x: oops',
    'ERR_MOUNT',
    /a mount does not work: .*oops/,
    1,
  ],
  [
    'a program that is not there',
    400,
    'runc create failed: unable to start container process: exec: "srv": executable file not found in $PATH: unknown',
    'ERR_COMMAND',
    /cannot be run: srv$/,
    1,
  ],
  [
    'a path that is not there',
    400,
    'exec: "/srv": stat /srv: no such file or directory: unknown',
    'ERR_COMMAND',
    /: \/srv$/,
    1,
  ],
  [
    'a file that is no program',
    400,
    'exec: "/etc/passwd": permission denied: unknown',
    'ERR_COMMAND',
    /: \/etc\/passwd$/,
    1,
  ],
  [
    'a user that the image lacks',
    500,
    'unable to find user me: no matching entries in passwd file',
    'ERR_COMMAND',
    /no user me$/,
    1,
  ],
  [
    'two networks of a name',
    400,
    'network x is ambiguous (2 matches found on name)',
    'ERR_NETWORK',
    /several networks named x/,
    1,
  ],
  ['a network that is gone', 404, 'network x not found', 'ERR_NETWORK', /network x does not exist/, 1],
  ['a full disk', 500, 'write /var/lib/docker/x: no space left on device', 'ERR_ENGINE_REFUSED', /disk is full/, 1],
  [
    'words nobody knew',
    500,
    'the dog\nate it',
    'ERR_ENGINE_REFUSED',
    /^cannot start web: the Engine says: the dog ate it$/,
    1,
  ],
];

describe('what the user reads when the Engine refuses', () => {
  for (const [what, status, words, code, message, line] of REFUSALS) {
    test(what, ({ expect }) => {
      const refusal = new EngineError('POST /containers/web/start', status, words);
      const error = explain(refusal, { doing: 'start web', service });
      expect(error).toBeInstanceOf(WcError);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message), source: { line }, cause: refusal });
    });
  }

  test('a place that the caller knows is better than the service', ({ expect }) => {
    const error = explain(new EngineError('', 500, 'oops'), { doing: 'create network x', source: at(99) });
    expect(error).toMatchObject({ source: { line: 99 } });
  });

  test('what is no refusal passes as it is', ({ expect }) => {
    const error = new Error('x');
    expect(explain(error, { doing: '' })).toBe(error);
  });
});
