/**
 * Takes apart the Engine's framing of an attached container's output: 8 bytes (stream, three zeros, length as a
 * 32 bit big endian number), then that many bytes of stdout (1) or stderr (2). Returns what to call with each chunk.
 */
export function attachDemux(
  onStdout: (bytes: Buffer) => void,
  onStderr: (bytes: Buffer) => void,
): (chunk: Buffer) => void {
  let header = Buffer.alloc(0);
  let left = 0;
  let emit = onStdout;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const piece = chunk.subarray(at, at + HEADER - header.length);
        at += piece.length;
        header = Buffer.concat([header, piece]);
        if (header.length < HEADER) return;
        emit = header[0] === STDERR ? onStderr : onStdout;
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
      } else {
        const piece = chunk.subarray(at, at + left);
        at += piece.length;
        left -= piece.length;
        emit(piece);
      }
    }
  };
}

const HEADER = 8;
const STDERR = 2;
