import { buildGuests } from './build.ts';

export async function setup(): Promise<void> {
  await buildGuests();
}
