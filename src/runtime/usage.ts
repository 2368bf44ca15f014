/** What one instance uses at a moment. Counters begin with the run; what is not known is left out. */
export interface InstanceUsage {
  /** Milliseconds of some clock, and the CPU time used until then. */
  readonly cpu?: { readonly atMs: number; readonly usedMs: number } | undefined;
  readonly memoryBytes?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  readonly receivedBytes?: number | undefined;
  readonly sentBytes?: number | undefined;
  /** Of disks. */
  readonly readBytes?: number | undefined;
  readonly writtenBytes?: number | undefined;
  /** Processes and threads. */
  readonly tasks?: number | undefined;
  readonly descriptors?: number | undefined;
  readonly connections?: number | undefined;
}
