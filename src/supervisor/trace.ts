/** The supervisor's own log: NDJSON on stderr, which is `supervisor.log`. For whoever looks for a fault of ours. */
export function trace(what: string, data: Readonly<Record<string, unknown>> = {}): void {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), what, ...data })}\n`);
}

export function traceError(error: unknown): void {
  trace('error', { message: String(error), stack: error instanceof Error ? error.stack : undefined });
}
