import type { IncomingMessage } from 'node:http';

/** A body of at most this many bytes is read before its guest begins: a slow client then holds no place. */
const SMALL_BYTES = 64 * 1024;
/** What is collected of a body whose length the client does not say, as CONTENT_LENGTH has to be told. */
const UNTOLD_LIMIT = 1024 * 1024;

/** What is known of a body before the guest begins. */
export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  /** It streams. */
  | { readonly kind: 'open'; readonly length: number };

/** The client's request cannot be served; its status says why. */
export class RefusedBody extends Error {
  readonly status: 411 | 413;

  constructor(status: 411 | 413, message: string) {
    super(message);
    this.name = 'RefusedBody';
    this.status = status;
  }
}

/** Whether there is a body, and what its length is where it is told. Throws RefusedBody for one above the limit. */
export function announced(request: IncomingMessage, limitBytes: number): number | 'untold' | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return 'untold';
  const text = request.headers['content-length'];
  if (text === undefined) return undefined;
  const length = Number(text);
  if (length > limitBytes) throw new RefusedBody(413, `a body of ${length} bytes, above body_limit`);
  return length;
}

/** Reads a small body; leaves a large one to be streamed. Rejects when the client goes away, or with RefusedBody. */
export async function collect(
  request: IncomingMessage,
  length: number | 'untold' | undefined,
  limitBytes: number,
): Promise<Body> {
  if (length === undefined) return { kind: 'none' };
  if (length !== 'untold' && length > SMALL_BYTES) return { kind: 'open', length };
  const limit = Math.min(UNTOLD_LIMIT, limitBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  // A refusal must still reach the client.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (length === 'untold' && size > limit) {
      throw limit < UNTOLD_LIMIT
        ? new RefusedBody(413, `a body of more than ${limit} bytes, above body_limit`)
        : new RefusedBody(411, `a body of more than ${limit} bytes without Content-Length`);
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { kind: 'whole', bytes };
}
