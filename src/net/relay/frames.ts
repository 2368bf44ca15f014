/**
 * The relay's control protocol, see relay/relay.c: frames of a 12 byte header (type, id, payload length; 32 bit
 * little endian each) and a payload.
 */
export const FRAME = {
  hello: 1,
  listen: 2,
  unlisten: 3,
  ok: 4,
  error: 5,
  open: 16,
  dial: 17,
  opened: 18,
  data: 19,
  fin: 20,
  reset: 21,
  credit: 22,
} as const;

/** What a side may have sent in a stream beyond what the other has passed on. */
export const WINDOW = 1024 * 1024;

/** Of one DATA frame. */
export const MAX_DATA = 65_536;

export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function encodeFrame(type: number, id: number, payload: Buffer): Buffer {
  return Buffer.concat([frameHeader(type, id, payload.length), payload]);
}

export function frameHeader(type: number, id: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(id, 4);
  header.writeUInt32LE(length, 8);
  return header;
}

export function helloFrame(): Buffer {
  return encodeFrame(FRAME.hello, 0, HELLO);
}

export function isHello(frame: Frame): boolean {
  return frame.type === FRAME.hello && frame.payload.equals(HELLO);
}

/** Frames from the relay that are of a stream and not of a request. */
export function isOfStream(frame: Frame): boolean {
  return frame.type >= FRAME.open;
}

/**
 * Returns what to call with each chunk; throws RangeError on what cannot be a frame of the relay. The payload of a
 * DATA frame is handed on as it comes, uncopied: one frame may give several.
 */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let begun: Buffer = Buffer.alloc(0);
  let dataId = 0;
  let dataLeft = 0;
  return (chunk) => {
    const bytes = begun.length === 0 ? chunk : Buffer.concat([begun, chunk]);
    let at = 0;
    while (at < bytes.length) {
      if (dataLeft > 0) {
        const payload = bytes.subarray(at, at + dataLeft);
        at += payload.length;
        dataLeft -= payload.length;
        onFrame({ type: FRAME.data, id: dataId, payload });
        continue;
      }
      if (bytes.length - at < HEADER) break;
      const [type, id, length] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)];
      const isData = type === FRAME.data;
      if (length > (isData ? MAX_DATA : MAX_PAYLOAD)) throw new RangeError(`a frame of ${length} bytes`);
      if (isData) {
        [dataId, dataLeft] = [id, length];
        at += HEADER;
        continue;
      }
      const end = at + HEADER + length;
      if (bytes.length < end) break;
      const payload = bytes.subarray(at + HEADER, end);
      at = end;
      onFrame({ type, id, payload });
    }
    begun = bytes.subarray(at);
  };
}

const HEADER = 12;
const MAX_PAYLOAD = 1024;
const VERSION = 2;
/** The magic with its zero byte, and the version. */
const HELLO = Buffer.from([...Buffer.from('WCRELAY\0'), VERSION, 0, 0, 0]);
