import { WcError } from '../model/diagnostic.ts';
import type { EngineInfo } from './fabric-engine.ts';

/**
 * How bytes travel between containers and Wasm instances. `unix`: over unix sockets and bridge addresses, which needs
 * an Engine on this machine itself. `mux`: as streams over the attached connection of a relay, which every Engine has.
 */
export type Plane = 'unix' | 'mux';

/** `auto`: `unix` where the Engine allows it. */
export type PlaneChoice = Plane | 'auto';

/** What WCOMPOSE_NET says; `auto` without it. Throws ERR_USAGE. */
export function planeChoice(env: NodeJS.ProcessEnv): PlaneChoice {
  const value = env['WCOMPOSE_NET'] ?? '';
  if (value === '') return 'auto';
  if (value === 'auto' || value === 'unix' || value === 'mux') return value;
  throw new WcError('ERR_USAGE', `WCOMPOSE_NET is ${JSON.stringify(value)}; it may be auto, unix or mux`);
}

export function planeOf(choice: PlaneChoice, info: EngineInfo): Plane {
  if (choice !== 'auto') return choice;
  return info.native ? 'unix' : 'mux';
}
