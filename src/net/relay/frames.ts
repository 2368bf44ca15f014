/**
 * The relay's control protocol, see relay/relay.c: frames of a 12 byte header (type, id, payload length; 32 bit
 * little endian each) and a payload.
 */
export const FRAME = { hello: 1, listen: 2, unlisten: 3, ok: 4, error: 5 } as const;

export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function encodeFrame(type: number, id: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(id, 4);
  header.writeUInt32LE(payload.length, 8);
  return Buffer.concat([header, payload]);
}

export function helloFrame(): Buffer {
  return encodeFrame(FRAME.hello, 0, HELLO);
}

export function isHello(frame: Frame): boolean {
  return frame.type === FRAME.hello && frame.payload.equals(HELLO);
}

/** Returns what to call with each chunk; throws RangeError on what cannot be a frame of the relay. */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let buffer = Buffer.alloc(0);
  return (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= HEADER) {
      const length = buffer.readUInt32LE(8);
      if (length > MAX_PAYLOAD) throw new RangeError(`a control frame of ${length} bytes`);
      if (buffer.length < HEADER + length) return;
      const payload = buffer.subarray(HEADER, HEADER + length);
      const frame = { type: buffer.readUInt32LE(0), id: buffer.readUInt32LE(4), payload };
      buffer = buffer.subarray(HEADER + length);
      onFrame(frame);
    }
  };
}

const HEADER = 12;
const MAX_PAYLOAD = 1024;
const VERSION = 1;
/** The magic with its zero byte, and the version. */
const HELLO = Buffer.from([...Buffer.from('WCRELAY\0'), VERSION, 0, 0, 0]);
