import type { SupervisorEvent } from '../control/protocol.ts';

/** The events of a request for somebody who wants to see nothing but what went wrong. */
export async function* withoutProgress(events: AsyncIterable<SupervisorEvent>): AsyncGenerator<SupervisorEvent> {
  for await (const event of events) if (event.type !== 'node' && event.type !== 'output') yield event;
}
