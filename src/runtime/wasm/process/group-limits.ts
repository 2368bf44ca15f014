import type { WasmService } from '../../../model/project.ts';
import type { GuestRequest } from '../messages.ts';
import type { GroupLimits } from './cgroup.ts';

/** What a process has for itself: Node, the code of the host, buffers of connections. */
const OWN_BYTES = 256 * 1024 * 1024;
/** Threads that Node has for itself. */
const OWN_TASKS = 32;
const DEFAULT_TMPFS_BYTES = 1 << 30;

/** The service's limits as those of its process: the guest's memory is not all that a process needs. */
export function groupLimits(service: WasmService, request: Omit<GuestRequest, 'output'>): GroupLimits {
  const { memoryBytes, limits } = service;
  const files = request.mounts.map((mount) =>
    mount.kind === 'memory' ? (mount.limitBytes ?? DEFAULT_TMPFS_BYTES) : 0,
  );
  const fileBytes = files.reduce((sum, bytes) => sum + bytes, request.rootBytes);
  return {
    cpus: limits?.cpus,
    memoryBytes: memoryBytes === undefined ? undefined : memoryBytes + fileBytes + OWN_BYTES,
    tasks: limits?.threads === undefined ? undefined : limits.threads + OWN_TASKS,
  };
}
