import { ERROR_TABLE, type ErrorCode } from '../../../model/diagnostic.ts';
import type { ExitStatus } from '../../../model/state.ts';
import type { DatagramDoor, PublishedListener } from '../../../net/fabric.ts';
import type { FromGuest, GuestUsage, Question, StartFailure } from '../messages.ts';
import type { FileQuestion } from './asked-files.ts';

/** What a process says beyond what a thread does. */
export type FromProcess =
  | Exclude<FromGuest, { type: 'output' }>
  /** How many clients wait for the guest's answer. */
  | { readonly type: 'owed'; readonly count: number }
  | { readonly type: 'cpu'; readonly usedMs: number }
  | { readonly type: 'file'; readonly ask: number; readonly question: FileQuestion };

/**
 * A message of a guest's process, piece by piece: a hostile guest that broke out of its engine may send anything.
 * Undefined: no message of ours.
 */
export function parseFromProcess(json: string): FromProcess | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // SyntaxError.
    return undefined;
  }
  const fields = record(value);
  const type = text(fields['type']);
  return Object.hasOwn(PARSERS, type) ? PARSERS[type as FromProcess['type']](fields) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const PARSERS: Readonly<Record<FromProcess['type'], (fields: Fields) => FromProcess | undefined>> = {
  started: (fields) => ({ type: 'started', published: list(fields['published']).map(listener) }),
  failed: (fields) => ({ type: 'failed', failure: failure(record(fields['failure'])) }),
  listening: (fields) => {
    const port = integer(fields['port']);
    if (port > 65_535) return undefined;
    return {
      type: 'listening',
      port,
      isPrivate: fields['isPrivate'] === true,
      listening: fields['listening'] === true,
    };
  },
  datagrams,
  ask: (fields) => {
    const question = questionOf(record(fields['question']));
    return question === undefined ? undefined : { type: 'ask', ask: integer(fields['ask']), question };
  },
  'input-taken': (fields) => ({ type: 'input-taken', bytes: integer(fields['bytes']) }),
  stopping: () => ({ type: 'stopping' }),
  ended: (fields) => ({ type: 'ended', exit: exitStatus(record(fields['exit'])) }),
  owed: (fields) => ({ type: 'owed', count: integer(fields['count']) }),
  cpu: (fields) => ({ type: 'cpu', usedMs: integer(fields['usedMs']) }),
  usage: (fields) => ({ type: 'usage', ask: integer(fields['ask']), usage: usage(record(fields['usage'])) }),
  file: (fields) => {
    const question = fileQuestion(record(fields['question']));
    return question === undefined ? undefined : { type: 'file', ask: integer(fields['ask']), question };
  },
};

function questionOf(fields: Fields): Question | undefined {
  switch (fields['what']) {
    case 'authorize':
    case 'authorize-datagram':
      return { what: fields['what'], address: text(fields['address']), port: integer(fields['port']) };
    case 'resolve':
      return { what: 'resolve', name: text(fields['name']) };
    default:
      return undefined;
  }
}

function usage(fields: Fields): GuestUsage {
  return {
    memoryBytes: integer(fields['memoryBytes']),
    descriptors: integer(fields['descriptors']),
    connections: integer(fields['connections']),
    receivedBytes: integer(fields['receivedBytes']),
    sentBytes: integer(fields['sentBytes']),
  };
}

function fileQuestion(fields: Fields): FileQuestion | undefined {
  const fd = integer(fields['fd']);
  switch (fields['what']) {
    case 'sync':
      return { what: 'sync', fd, dataOnly: fields['dataOnly'] === true };
    case 'symlink':
      return { what: 'symlink', fd, name: text(fields['name']), target: text(fields['target']) };
    default:
      return undefined;
  }
}

function exitStatus(fields: Fields): ExitStatus {
  switch (fields['how']) {
    case 'code':
      return { how: 'code', code: integer(fields['code']) };
    case 'trap':
      return { how: 'trap', message: text(fields['message']), backtrace: list(fields['backtrace']).map(text) };
    case 'killed':
      return { how: 'killed' };
    default:
      return { how: 'lost', reason: text(fields['reason']) };
  }
}

function failure(fields: Fields): StartFailure {
  const message = text(fields['message']);
  switch (fields['why']) {
    case 'port':
      return { why: 'port', listener: listener(fields['listener']), code: text(fields['code']) };
    case 'connection':
      return { why: 'connection', host: text(fields['host']), port: integer(fields['port']), message };
    case 'service': {
      const code = text(fields['code']);
      const known = Object.hasOwn(ERROR_TABLE, code) ? (code as ErrorCode) : 'ERR_INTERNAL';
      return { why: 'service', code: known, message, hint: optionalText(fields['hint']) };
    }
    default:
      return { why: 'host', message, stack: optionalText(fields['stack']) };
  }
}

function listener(value: unknown): PublishedListener {
  const fields = record(value);
  const { protocol, hostIp, published, target } = fields;
  return {
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    hostIp: text(hostIp),
    published: integer(published),
    target: integer(target),
  };
}

function datagrams(fields: Fields): FromProcess | undefined {
  const port = integer(fields['port']);
  const door = fields['door'] === undefined ? undefined : doorOf(record(fields['door']));
  return port > 65_535 ? undefined : { type: 'datagrams', port, door };
}

/** Undefined: nothing that anybody could send to. */
function doorOf(fields: Fields): DatagramDoor | undefined {
  const port = integer(fields['port']);
  const key = text(fields['key']);
  return port > 0 && port <= 65_535 && /^[0-9a-f]{32}$/.test(key) ? { port, key } : undefined;
}

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function integer(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : 0;
}
