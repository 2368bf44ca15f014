import type { Readable } from 'node:stream';

import { LineSplitter } from '../util/line-splitter.ts';

/** One JSON value per line of a stream. A stream that breaks off throws; one that ends in the middle of a line loses that line. */
export async function* readNdjson<T>(stream: Readable): AsyncGenerator<T> {
  const values: T[] = [];
  const splitter = new LineSplitter((line) => {
    if (!line.partial && line.text !== '') values.push(JSON.parse(line.text) as T);
  }, Number.POSITIVE_INFINITY);
  for await (const chunk of stream) {
    splitter.push(chunk as Uint8Array);
    yield* values.splice(0);
  }
}
