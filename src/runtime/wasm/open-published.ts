import type { PublishedListener } from '../../net/fabric.ts';
import type { StartFailure } from './messages.ts';
import type { Network } from './net/network.ts';

export type Opened = { readonly published: readonly PublishedListener[] } | { readonly failure: StartFailure };

/** Binds the published ports of an instance; before anything of it runs, as one of them may be taken. */
export async function openPublished(network: Network, wanted: readonly PublishedListener[]): Promise<Opened> {
  const published: PublishedListener[] = [];
  for (const listener of wanted) {
    try {
      published.push(await network.publish(listener));
    } catch (error) {
      return { failure: { why: 'port', listener, code: (error as NodeJS.ErrnoException).code ?? 'EIO' } };
    }
  }
  return { published };
}
