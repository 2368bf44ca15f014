/** Text of an instance's /etc/hosts, as the Engine writes it for a container. */
export function hostsFile(
  address: string,
  hostname: string,
  extraHosts: Readonly<Record<string, readonly string[]>>,
): string {
  const lines = [
    '127.0.0.1\tlocalhost',
    ...Object.entries(extraHosts).flatMap(([name, addresses]) => addresses.map((one) => `${one}\t${name}`)),
    `${address}\t${hostname}`,
  ];
  return `${lines.join('\n')}\n`;
}
