import type { Parts } from './parts.ts';
import type { ResourceType } from './value-type.ts';

/** Makes the core functions with which an instance handles resources. */
export function resourceFunction(
  what: 'resource-new' | 'resource-drop' | 'resource-rep',
  type: ResourceType,
  owner: number,
): (parts: Parts) => (value: number) => unknown {
  switch (what) {
    case 'resource-new':
      return (parts) => (rep) => parts.handlesOf(owner).add(type, rep, true);
    case 'resource-drop':
      return (parts) => (index) => parts.handlesOf(owner).drop(index >>> 0, type);
    case 'resource-rep':
      return (parts) => (index) => parts.handlesOf(owner).rep(index >>> 0, type);
  }
}
