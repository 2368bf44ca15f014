/**
 * BuildKit's `moby.buildkit.trace`: the protobuf message `StatusResponse` of its control API, as far as a person wants
 * to see it. Field numbers:
 *
 *     StatusResponse  1 vertexes   3 logs  4 warnings
 *     Vertex          1 digest  3 name  4 cached  5 started  6 completed  7 error
 *     VertexLog       1 vertex  3 stream  4 msg
 *     VertexWarning   1 vertex  3 short
 */
export interface Trace {
  readonly vertexes: readonly Vertex[];
  readonly logs: readonly VertexLog[];
  readonly warnings: readonly string[];
}

export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached: boolean;
  readonly started: boolean;
  readonly completed: boolean;
  readonly error: string;
}

export interface VertexLog {
  readonly vertex: string;
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/** Bytes that are no such message give what could be read of them: a progress display is no reason to fail a build. */
export function decodeTrace(bytes: Uint8Array): Trace {
  const vertexes: Vertex[] = [];
  const logs: VertexLog[] = [];
  const warnings: string[] = [];
  for (const { number, value } of fields(bytes)) {
    if (typeof value === 'number') continue;
    if (number === 1) vertexes.push(vertex(value));
    if (number === 3) logs.push(log(value));
    if (number === 4) warnings.push(text(find(value, 3)));
  }
  return { vertexes, logs, warnings };
}

function vertex(bytes: Uint8Array): Vertex {
  const by = new Map<number, Value>();
  for (const { number, value } of fields(bytes)) by.set(number, value);
  return {
    digest: text(by.get(1)),
    name: text(by.get(3)),
    cached: by.get(4) === 1,
    started: by.has(5),
    completed: by.has(6),
    error: text(by.get(7)),
  };
}

function log(bytes: Uint8Array): VertexLog {
  const message = find(bytes, 4);
  return {
    vertex: text(find(bytes, 1)),
    stream: find(bytes, 3) === 2 ? 'stderr' : 'stdout',
    bytes: message === undefined || typeof message === 'number' ? new Uint8Array() : message,
  };
}

/** A number, or the bytes of a text or of another message. */
type Value = number | Uint8Array;

function find(bytes: Uint8Array, wanted: number): Value | undefined {
  for (const { number, value } of fields(bytes)) if (number === wanted) return value;
  return undefined;
}

function text(value: Value | undefined): string {
  return value === undefined || typeof value === 'number' ? '' : new TextDecoder().decode(value);
}

function* fields(bytes: Uint8Array): Generator<{ readonly number: number; readonly value: Value }> {
  let at = 0;
  const varint = (): number => {
    let result = 0;
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++] ?? 0;
      result += (byte & 0x7f) * shift;
      if (byte < 0x80) break;
    }
    return result;
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === 0) yield { number, value: varint() };
    else if (kind === 2) {
      const length = varint();
      yield { number, value: bytes.subarray(at, at + length) };
      at += length;
    } else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else return;
  }
}
