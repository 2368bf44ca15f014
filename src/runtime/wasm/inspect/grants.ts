import type { WantedImport } from '../dialects.ts';

/** What a service gets without asking for it, as far as its imports can use it. One line each, in words. */
export function grantsOf(imports: readonly WantedImport[]): readonly string[] {
  const names = new Set(imports.filter(({ kind }) => kind === 'function').map(({ name }) => name.replace(/_v2$/, '')));
  return GRANTS.filter(({ wanted }) => [...names].some((name) => wanted.test(name))).map(({ text }) => text);
}

const GRANTS: readonly { readonly wanted: RegExp; readonly text: string }[] = [
  { wanted: /^args_/, text: 'arguments: the file name, then `command`' },
  { wanted: /^environ_/, text: 'environment: `environment` and HOSTNAME; none of this machine' },
  { wanted: /^clock_|^poll_oneoff$/, text: 'clocks: real and monotonic time' },
  { wanted: /^random_get$/, text: 'random bytes of the host' },
  { wanted: /^thread-spawn$/, text: 'threads, 64 at once or as many as `pids_limit` says' },
  { wanted: /^fd_write$/, text: 'stdout and stderr, into the log' },
  {
    wanted: /^path_/,
    text: 'files: what `volumes`, `configs` and `secrets` mount; elsewhere 64 MiB in memory, gone with it',
  },
  {
    wanted: /^sock_accept$/,
    text: 'connections on its ports: from its networks, and from the host where `ports` says so',
  },
  {
    wanted: /^sock_(open|connect)$/,
    text: 'connections to services of its networks, and outside unless these are internal or `outbound` narrows it',
  },
  { wanted: /^sock_getaddrinfo$/, text: 'names of services of its networks, and those outside' },
];
