const NAMED: ReadonlyMap<string, number> = new Map([
  ['echo', 7],
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['domain', 53],
  ['http', 80],
  ['pop3', 110],
  ['imap', 143],
  ['ldap', 389],
  ['https', 443],
  ['mysql', 3306],
  ['postgresql', 5432],
  ['amqp', 5672],
  ['redis', 6379],
]);

/** The port of a service's name or number; 0 for a name nobody knows, as guests pass names that they do not use. */
export function serviceNumber(service: string): number {
  const number = Number(service);
  if (service !== '' && Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  return NAMED.get(service) ?? 0;
}
