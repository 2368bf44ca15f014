import path from 'node:path';

import { buildGuests } from './build.ts';

export async function setup(): Promise<void> {
  // Every worker thread loads the host from its sources; without a cache that takes a second.
  process.env['NODE_COMPILE_CACHE'] ??= path.join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'compile');
  await buildGuests();
}
