import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test as base } from 'vitest';

import { describeEndpoint, resolveEndpoint } from '../../../src/runtime/container/endpoint.ts';
import { sshArguments } from '../../../src/runtime/container/ssh-agent.ts';

const test = base.extend<{ home: string }>({
  // oxlint-disable-next-line no-empty-pattern -- the form that vitest wants
  home: async ({}, use) => {
    const home = mkdtempSync(join(tmpdir(), 'wc-home-'));
    await use(home);
    rmSync(home, { recursive: true, force: true });
  },
});

function write(path: string, content: string | object): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
}

function writeContext(home: string, name: string, endpoint: object, certificates: boolean): void {
  const id = createHash('sha256').update(name).digest('hex');
  const contexts = join(home, '.docker', 'contexts');
  write(join(contexts, 'meta', id, 'meta.json'), { Name: name, Endpoints: { docker: endpoint } });
  if (certificates) writeCertificates(join(contexts, 'tls', id, 'docker'));
}

function writeCertificates(dir: string): void {
  for (const name of ['ca', 'cert', 'key']) write(join(dir, `${name}.pem`), name);
}

const files = { ca: Buffer.from('ca'), cert: Buffer.from('cert'), key: Buffer.from('key') };

describe('which Engine is meant', () => {
  const hosts: readonly (readonly [string, string, object])[] = [
    ['a socket', 'unix:///run/x.sock', { kind: 'unix', socketPath: '/run/x.sock' }],
    ['the usual socket', 'unix://', { kind: 'unix', socketPath: '/var/run/docker.sock' }],
    ['an address', 'tcp://10.0.0.1:2375', { kind: 'tcp', host: '10.0.0.1', port: 2375, tls: undefined }],
    ['an address without a port', 'tcp://engine', { kind: 'tcp', host: 'engine', port: 2375, tls: undefined }],
    ['an IPv6 address', 'tcp://[::1]:1234', { kind: 'tcp', host: '::1', port: 1234, tls: undefined }],
    ['a web address', 'http://engine:8080', { kind: 'tcp', host: 'engine', port: 8080, tls: undefined }],
  ];
  for (const [what, DOCKER_HOST, expected] of hosts) {
    test(`DOCKER_HOST is ${what}`, ({ expect, home }) => {
      const endpoint = resolveEndpoint({ HOME: home, DOCKER_HOST });
      expect(endpoint).toEqual({ ...expected, from: 'DOCKER_HOST' });
      expect(describeEndpoint(endpoint)).toMatch(/^(unix|tcp):\/\/.+ \(from DOCKER_HOST\)$/);
    });
  }

  test('an address with TLS takes the certificates from DOCKER_CERT_PATH, else from ~/.docker', ({ expect, home }) => {
    writeCertificates(join(home, 'certs'));
    const env = { HOME: home, DOCKER_HOST: 'tcp://engine:2376' };
    expect(resolveEndpoint({ ...env, DOCKER_CERT_PATH: join(home, 'certs') })).toMatchObject({
      port: 2376,
      tls: { ...files, verify: true },
    });
    expect(() => resolveEndpoint(env)).toThrow(/the Engine wants TLS and .*\.docker has no ca.pem/);
    writeCertificates(join(home, '.docker'));
    expect(resolveEndpoint(env)).toMatchObject({ tls: files });
  });

  test('DOCKER_TLS_VERIFY asks for TLS at any port, and for the port of TLS without one', ({ expect, home }) => {
    writeCertificates(join(home, '.docker'));
    expect(resolveEndpoint({ HOME: home, DOCKER_HOST: 'tcp://engine', DOCKER_TLS_VERIFY: '1' })).toMatchObject({
      port: 2376,
      tls: files,
    });
  });

  test('an address by ssh: as the docker program calls ssh', ({ expect, home }) => {
    const plain = resolveEndpoint({ HOME: home, DOCKER_HOST: 'ssh://host' });
    expect(plain).toEqual({ kind: 'ssh', host: 'host', from: 'DOCKER_HOST' });
    const full = resolveEndpoint({ HOME: home, DOCKER_HOST: 'ssh://me@host:2222/run/user/5/docker.sock' });
    expect(describeEndpoint(full)).toBe('ssh://me@host:2222/run/user/5/docker.sock (from DOCKER_HOST)');
    expect(full.kind === 'ssh' ? sshArguments(full).slice(5).join(' ') : '').toBe(
      '-l me -p 2222 -- host docker --host unix:///run/user/5/docker.sock system dial-stdio',
    );
  });

  test('anything else is refused with what there is', ({ expect, home }) => {
    for (const DOCKER_HOST of [
      'npipe:////./pipe/x',
      'nonsense',
      'tcp://',
      'ssh://-oProxyCommand=x',
      'ssh://me:secret@host',
      'ssh://h/$(x)',
    ]) {
      expect(() => resolveEndpoint({ HOME: home, DOCKER_HOST })).toThrow(
        expect.objectContaining({ code: 'ERR_ENGINE_UNREACHABLE', hint: expect.stringContaining('unix://') }),
      );
    }
  });

  test('the current context of docker', ({ expect, home }) => {
    write(join(home, '.docker', 'config.json'), { currentContext: 'remote' });
    writeContext(home, 'remote', { Host: 'unix:///run/remote.sock' }, false);
    const endpoint = resolveEndpoint({ HOME: home });
    expect(describeEndpoint(endpoint)).toBe('unix:///run/remote.sock (from docker context "remote")');
  });

  test('DOCKER_CONTEXT wins over the current context, DOCKER_HOST over both', ({ expect, home }) => {
    write(join(home, '.docker', 'config.json'), { currentContext: 'remote' });
    writeContext(home, 'other', { Host: 'unix:///run/other.sock' }, false);
    const env = { HOME: home, DOCKER_CONTEXT: 'other' };
    expect(resolveEndpoint(env)).toMatchObject({ socketPath: '/run/other.sock' });
    expect(resolveEndpoint({ ...env, DOCKER_HOST: 'unix:///run/x.sock' })).toMatchObject({ socketPath: '/run/x.sock' });
  });

  test('the certificates of a context are its own', ({ expect, home }) => {
    writeContext(home, 'safe', { Host: 'tcp://engine:2376' }, true);
    writeContext(home, 'lax', { Host: 'tcp://engine:2376', SkipTLSVerify: true }, true);
    expect(resolveEndpoint({ HOME: home, DOCKER_CONTEXT: 'safe' })).toMatchObject({ tls: { ...files, verify: true } });
    expect(resolveEndpoint({ HOME: home, DOCKER_CONTEXT: 'lax' })).toMatchObject({ tls: { ...files, verify: false } });
  });

  test('a context that does not exist is an error', ({ expect, home }) => {
    expect(() => resolveEndpoint({ HOME: home, DOCKER_CONTEXT: 'gone' })).toThrow(
      'docker context "gone" does not exist or names no Engine',
    );
  });

  test('without any of it: the first socket that exists', ({ expect, home }) => {
    const endpoint = resolveEndpoint({ HOME: home, DOCKER_CONTEXT: 'default' });
    expect(endpoint).toMatchObject({ kind: 'unix', from: 'default' });
    expect(describeEndpoint(endpoint)).not.toContain('(from');
  });
});
