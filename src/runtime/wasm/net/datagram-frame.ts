import { timingSafeEqual } from 'node:crypto';

import { type Endpoint, parseIpv4 } from './address.ts';

/** Between instances: | key (16) | IPv4 of the sender (4) | u16 big endian: its port | the datagram | */
const KEY_SIZE = 16;
const HEADER_SIZE = KEY_SIZE + 6;
/** What a datagram of UDP over IPv4 can hold. */
export const DATAGRAM_LIMIT = 65_507;
export const FRAMED_LIMIT = DATAGRAM_LIMIT - HEADER_SIZE;

export interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

export function encodeFrame(key: Buffer, { bytes, from }: Datagram): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_SIZE + bytes.length);
  frame.set(key);
  frame.set(parseIpv4(from.address), KEY_SIZE);
  frame.writeUInt16BE(from.port, KEY_SIZE + 4);
  frame.set(bytes, HEADER_SIZE);
  return frame;
}

/** Undefined: not from an instance. */
export function decodeFrame(key: Buffer, frame: Buffer): Datagram | undefined {
  if (frame.length < HEADER_SIZE || !timingSafeEqual(frame.subarray(0, KEY_SIZE), key)) return undefined;
  const address = frame.subarray(KEY_SIZE, KEY_SIZE + 4).join('.');
  return { bytes: frame.subarray(HEADER_SIZE), from: { address, port: frame.readUInt16BE(KEY_SIZE + 4) } };
}
