import { Errno } from '../../wasi/errno.ts';

/** `error-code` of wasi:http/types. */
export interface HttpErrorCode {
  readonly tag: string;
  readonly val?: unknown;
}

export function internalError(message: string): HttpErrorCode {
  return { tag: 'internal-error', val: message };
}

/** What an error of Node's sockets or its HTTP parser is to a guest. */
export function codeOfError(error: unknown): HttpErrorCode {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'DNS') return { tag: 'DNS-error', val: { rcode: 'NXDOMAIN', infoCode: undefined } };
  const tag = code === undefined ? undefined : BY_NODE_CODE[code];
  if (tag !== undefined) return { tag };
  if (code?.startsWith('HPE_') === true) return { tag: 'HTTP-protocol-error' };
  if (code?.includes('CERT') === true) return { tag: 'TLS-certificate-error' };
  return internalError(message);
}

/** Why no connection could be made. */
export function codeOfErrno(errno: number): HttpErrorCode {
  return { tag: BY_ERRNO.get(errno) ?? 'connection-refused' };
}

const BY_NODE_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-terminated',
  EPIPE: 'connection-terminated',
  ETIMEDOUT: 'connection-timeout',
  EHOSTUNREACH: 'destination-unavailable',
  ENETUNREACH: 'destination-unavailable',
  URI: 'HTTP-request-URI-invalid',
  ERR_SSL_WRONG_VERSION_NUMBER: 'TLS-protocol-error',
  EPROTO: 'TLS-protocol-error',
};

const BY_ERRNO: ReadonlyMap<number, string> = new Map<number, string>([
  [Errno.CONNREFUSED, 'connection-refused'],
  [Errno.CONNRESET, 'connection-terminated'],
  [Errno.TIMEDOUT, 'connection-timeout'],
  [Errno.HOSTUNREACH, 'destination-unavailable'],
  [Errno.NETUNREACH, 'destination-unavailable'],
  [Errno.ACCES, 'destination-IP-prohibited'],
]);
