/** Enough of the domain name protocol (RFC 1035) to answer a resolver that asks for an IPv4 address. */
import { parseIpv4 } from './address.ts';

const HEADER_SIZE = 12;
const Type = { A: 1, AAAA: 28 } as const;
const Rcode = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4 } as const;
const QUERY_NAME = 0xc00c;
/** Addresses change with what runs. */
const TTL_S = 5;

interface Question {
  readonly name: string;
  readonly type: number;
  /** Where the question ends. */
  readonly end: number;
}

/** The answer to a query: what `resolve` says, without EDNS, in one message. */
export async function answerQuery(
  query: Uint8Array,
  resolve: (name: string) => Promise<readonly string[]>,
): Promise<Uint8Array> {
  const message = Buffer.from(query);
  if (message.length < HEADER_SIZE) return Buffer.alloc(0);
  const question = readQuestion(message);
  if (question === undefined) return reply(message, HEADER_SIZE, Rcode.FORMERR, []);
  if ((message.readUInt16BE(2) & OPCODE) !== 0) return reply(message, question.end, Rcode.NOTIMP, []);
  if (question.type !== Type.A && question.type !== Type.AAAA) return reply(message, question.end, Rcode.NOERROR, []);
  const addresses = await resolve(question.name);
  if (addresses.length === 0) return reply(message, question.end, Rcode.NXDOMAIN, []);
  return reply(message, question.end, Rcode.NOERROR, question.type === Type.A ? addresses : []);
}

const OPCODE = 0x7800;
const RECURSION_DESIRED = 0x0100;
const RESPONSE = 0x8080;

function readQuestion(message: Buffer): Question | undefined {
  if (message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER_SIZE;
  for (;;) {
    const length = message[at] ?? 0xff;
    at++;
    if (length === 0) break;
    if (length > 63 || at + length > message.length) return undefined;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  return { name: labels.join('.'), type: message.readUInt16BE(at), end: at + 4 };
}

function reply(query: Buffer, questionEnd: number, rcode: number, addresses: readonly string[]): Uint8Array {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(RESPONSE | (query.readUInt16BE(2) & (RECURSION_DESIRED | OPCODE)) | rcode, 2);
  header.writeUInt16BE(questionEnd > HEADER_SIZE ? 1 : 0, 4);
  header.writeUInt16BE(addresses.length, 6);
  return Buffer.concat([header, query.subarray(HEADER_SIZE, questionEnd), ...addresses.map(addressRecord)]);
}

function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(QUERY_NAME, 0);
  record.writeUInt16BE(Type.A, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(TTL_S, 6);
  record.writeUInt16BE(4, 10);
  record.set(parseIpv4(address), 12);
  return record;
}
