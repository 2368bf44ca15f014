/** What a frame carries: a JSON message, or bytes of a stream (stdin of the client; stdout, stderr of the command). */
export type Channel = 'message' | 'input' | 'stdout' | 'stderr';

export interface Frame {
  readonly channel: Channel;
  readonly bytes: Buffer;
}

/** A frame on the wire: one byte for the channel, four for the length (big endian), then that many bytes. */
export function encodeFrame(channel: Channel, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER);
  header[0] = CHANNELS.indexOf(channel);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** Takes chunks in whatever pieces they come and gives the frames that are complete. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): readonly Frame[] {
    const data = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (data.length - at >= HEADER) {
      const channel = CHANNELS[data[at] ?? -1];
      const length = data.readUInt32BE(at + 1);
      if (channel === undefined || length > MAX_LENGTH) throw new RangeError('not a frame of a session');
      if (data.length - at - HEADER < length) break;
      frames.push({ channel, bytes: data.subarray(at + HEADER, at + HEADER + length) });
      at += HEADER + length;
    }
    this.#rest = data.subarray(at);
    return frames;
  }
}

const CHANNELS = ['message', 'input', 'stdout', 'stderr'] as const satisfies readonly Channel[];
const HEADER = 5;
/** Far above what either side sends: a larger number is not a length. */
const MAX_LENGTH = 64 * 1024 * 1024;
