import { WcError } from '../model/diagnostic.ts';

export interface OrphanPolicy {
  readonly removeOrphans: boolean;
  readonly ignoreOrphans: boolean;
}

/** What becomes of instances of services that the file no longer has: the flag, else the variables of docker compose. */
export function orphanPolicy(flag: boolean, variable: (name: string) => string | undefined): OrphanPolicy {
  const removeOrphans = flag || isTrue(variable('COMPOSE_REMOVE_ORPHANS'));
  const ignoreOrphans = isTrue(variable('COMPOSE_IGNORE_ORPHANS'));
  if (removeOrphans && ignoreOrphans)
    throw new WcError('ERR_USAGE', 'cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans');
  return { removeOrphans, ignoreOrphans };
}

function isTrue(text: string | undefined): boolean {
  return ['1', 't', 'true', 'y', 'yes', 'on'].includes((text ?? '').toLowerCase());
}
