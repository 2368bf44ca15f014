import { Resolver } from 'node:dns/promises';

/**
 * IPv4 addresses of a name from the DNS servers of this host, as the Engine's DNS asks them; its /etc/hosts is no
 * part of it. Empty when there is no such name. Throws when no server answers.
 */
export async function lookupOutside(name: string, signal: AbortSignal): Promise<readonly string[]> {
  signal.throwIfAborted();
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await resolver.resolve4(name);
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined && NO_SUCH_NAME.has(code)) return [];
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

const TIMEOUT_MS = 2_000;
const NO_SUCH_NAME: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);
