import { WcError } from '../model/diagnostic.ts';
import type { Credentials } from './credentials.ts';

export interface Challenge {
  /** The registry's `WWW-Authenticate`. */
  readonly challenge: string;
  /** Address of the registry. */
  readonly base: string;
  readonly repository: string;
  readonly credentials: Credentials | undefined;
}

/**
 * What a registry wants to see in `Authorization`; undefined where nothing is stored that would help. A token is asked
 * for to read this repository only. Names and passwords go nowhere without TLS but to this machine.
 */
export async function authorize(given: Challenge, signal: AbortSignal): Promise<string | undefined> {
  const { challenge, base, repository, credentials } = given;
  if (/^basic\b/i.test(challenge)) return basic(credentials);
  if (!/^bearer\b/i.test(challenge)) return undefined;
  const fields = fieldsOf(challenge);
  const realm = fields.get('realm');
  if (realm === undefined || !URL.canParse(realm)) throw strange(base, 'does not say where tokens come from');
  const address = new URL(realm);
  if (address.protocol !== 'https:' && !base.startsWith('http:')) {
    throw strange(base, `wants a token of ${address.host} without TLS`);
  }
  const query = { service: fields.get('service') ?? '', scope: `repository:${repository}:pull` };
  const response = await askForToken(address, query, credentials, signal);
  if (response.status === 401 || response.status === 403) return undefined;
  if (!response.ok)
    throw strange(address.origin, `answers with status ${response.status} when it is asked for a token`);
  const answer: unknown = await response.json().catch(() => undefined);
  const token = textIn(answer, 'token') ?? textIn(answer, 'access_token');
  if (token === undefined) throw strange(address.origin, 'answers with no token');
  return `Bearer ${token}`;
}

async function askForToken(
  address: URL,
  query: Readonly<Record<string, string>>,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<Response> {
  if (credentials !== undefined && 'identitytoken' in credentials) {
    const grant = { grant_type: 'refresh_token', refresh_token: credentials.identitytoken, client_id: 'wcompose' };
    return await fetch(address, { method: 'POST', body: new URLSearchParams({ ...grant, ...query }), signal });
  }
  for (const [key, value] of Object.entries(query)) address.searchParams.set(key, value);
  const authorization = basic(credentials);
  return await fetch(address, { headers: authorization === undefined ? {} : { Authorization: authorization }, signal });
}

function basic(credentials: Credentials | undefined): string | undefined {
  if (credentials === undefined || 'identitytoken' in credentials) return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

/** `Bearer realm="https://…",service="…"` */
function fieldsOf(challenge: string): ReadonlyMap<string, string> {
  const fields = challenge.matchAll(/([a-z]+)=(?:"([^"]*)"|([^\s,]*))/gi);
  return new Map([...fields].map(([, key = '', quoted, plain]) => [key.toLowerCase(), quoted ?? plain ?? '']));
}

function textIn(answer: unknown, key: string): string | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const value: unknown = Reflect.get(answer, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function strange(who: string, what: string): WcError {
  return new WcError('ERR_REGISTRY', `the registry ${who} ${what}`);
}
