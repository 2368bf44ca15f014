import { randomFillSync } from 'node:crypto';

import { AbiError } from '../abi/handles.ts';
import { type ComponentGuest, type HostInterface } from './interface.ts';

/** More at once is no wish of a program. */
const BYTES_LIMIT = 64 * 1024 * 1024;

/** `wasi:random`. What is called insecure need not be as good as it is here. */
export const RANDOM: Readonly<Record<string, HostInterface>> = {
  'wasi:random/random': { functions: { 'get-random-bytes': bytes, 'get-random-u64': number } },
  'wasi:random/insecure': { functions: { 'get-insecure-random-bytes': bytes, 'get-insecure-random-u64': number } },
  'wasi:random/insecure-seed': { functions: { 'insecure-seed': () => [number(), number()] } },
};

function bytes(_guest: ComponentGuest, length: bigint): Uint8Array {
  if (length > BYTES_LIMIT) throw new AbiError(`it asks for ${length} random bytes at once`);
  return randomFillSync(new Uint8Array(Number(length)));
}

function number(): bigint {
  return randomFillSync(new BigUint64Array(1))[0] ?? 0n;
}
