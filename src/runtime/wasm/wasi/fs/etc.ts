import type { MountSource } from './root.ts';

export interface SystemFiles {
  readonly hostname: string;
  /** The nameserver that resolvers inside of the guest ask. */
  readonly nameserver: string;
  /** Names of other machines, one line each. */
  readonly hosts: readonly { readonly address: string; readonly names: readonly string[] }[];
}

/**
 * The files in `/etc` that programs and their resolvers read, as a container has them. Go, and whatever brings its own
 * resolver, finds the project's names through them.
 */
export function systemFiles(files: SystemFiles): readonly MountSource[] {
  const hosts = files.hosts.map(({ address, names }) => `${address}\t${names.join(' ')}\n`);
  return [
    textFile('/etc/hostname', `${files.hostname}\n`),
    textFile('/etc/hosts', `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n${hosts.join('')}`),
    textFile('/etc/resolv.conf', `nameserver ${files.nameserver}\noptions ndots:0\n`),
    textFile('/etc/services', SERVICES.map(([name, port]) => `${name}\t${port}/tcp\n${name}\t${port}/udp\n`).join('')),
  ];
}

function textFile(guestPath: string, text: string): MountSource {
  return { kind: 'file', guestPath, contents: Buffer.from(text) };
}

const SERVICES: readonly (readonly [name: string, port: number])[] = [
  ['echo', 7],
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['domain', 53],
  ['http', 80],
  ['pop3', 110],
  ['ntp', 123],
  ['imap2', 143],
  ['ldap', 389],
  ['https', 443],
  ['submission', 587],
  ['ldaps', 636],
  ['imaps', 993],
  ['pop3s', 995],
  ['mysql', 3306],
  ['postgresql', 5432],
  ['amqp', 5672],
  ['redis', 6379],
  ['http-alt', 8080],
];
