import type { LogHub } from '../logs/hub.ts';
import type { EngineAccess } from './engine-access.ts';

/** What requests about images work with. */
export interface ImageRequestParts {
  readonly engine: EngineAccess;
  readonly hub: LogHub;
}
