import { describe, test } from 'vitest';

import { readEnvironment } from '../../src/cli/environment.ts';
import { readMount, readPort, splitWords } from '../../src/cli/run-flags.ts';
import { volume } from '../plan/fixtures.ts';

const project = { volumes: { data: volume('data') } };

describe('flags of run', () => {
  test.for([
    ['80', { target: 80, published: undefined, hostIp: '', protocol: 'tcp' }],
    ['8080:80', { target: 80, published: 8080, hostIp: '' }],
    ['127.0.0.1:8080:80', { target: 80, published: 8080, hostIp: '127.0.0.1' }],
    ['127.0.0.1::80', { target: 80, published: undefined, hostIp: '127.0.0.1' }],
    ['[::1]:8080:80', { target: 80, published: 8080, hostIp: '::1' }],
    ['53:53/udp', { target: 53, published: 53, protocol: 'udp' }],
  ] as const)('port %s', ([text, expected], { expect }) => {
    expect(readPort(text)).toMatchObject(expected);
  });

  test.for(['', 'x', '0', '80-90', '1:2:3', 'host:1:2', '70000', '8080:80/icmp'])('no port: %j', (text, { expect }) => {
    expect(() => readPort(text)).toThrow(`not a port: ${text}`);
  });

  test.for([
    ['./a:/b', { type: 'bind', source: '/here/a', target: '/b', readOnly: false }],
    ['/a:/b:ro', { type: 'bind', source: '/a', target: '/b', readOnly: true }],
    ['data:/b', { type: 'volume', source: 'data', target: '/b' }],
    ['/b', { type: 'volume', source: '', target: '/b' }],
  ] as const)('mount %s', ([text, expected], { expect }) => {
    expect(readMount(text, project, '/here')).toMatchObject(expected);
  });

  test.for([
    ['data', 'not a mount'],
    ['a:b', 'not a mount'],
    ['/a:/b:x', 'not a mount'],
    ['other:/b', 'the project has no volume other'],
  ] as const)('no mount: %s', ([text, message], { expect }) => {
    expect(() => readMount(text, project, '/here')).toThrow(message);
  });

  test('variables: a value, a value of here, one that is not here', ({ expect }) => {
    expect(readEnvironment(['A=1', 'B', 'C', 'D=', 'E=x=y'], { B: '2' })).toEqual({ A: '1', B: '2', D: '', E: 'x=y' });
    expect(() => readEnvironment(['=x'], {})).toThrow('not a variable');
  });

  test('words as a shell splits them', ({ expect }) => {
    expect(splitWords(`sh -c "echo 'a b' \\"c\\"" 'd e'f ""`)).toEqual(['sh', '-c', `echo 'a b' "c"`, 'd ef', '']);
  });
});
