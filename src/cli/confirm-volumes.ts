import type { ControlClient } from '../control/client.ts';
import type { ApplyRequest, SupervisorEvent } from '../control/protocol.ts';
import { confirmEach } from './confirm.ts';
import type { CommandContext } from './context.ts';

/**
 * Applies a project. Where volumes exist with another configuration than the file's, the user is asked for each whether
 * it may be made anew, for its data is lost then; the others stay as they are.
 */
export async function* confirmVolumes(
  client: ControlClient,
  request: ApplyRequest,
  { output, signal: gone }: CommandContext,
  signal: AbortSignal,
): AsyncGenerator<SupervisorEvent> {
  for await (const event of client.stream('PUT /v1/project', request, signal)) {
    if (event.type !== 'changed-volumes') {
      yield event;
      continue;
    }
    const questions = event.volumes.map(
      ({ name }) =>
        `Volume "${name}" exists but doesn't match configuration in compose file. Recreate (data will be lost)?`,
    );
    const answers = await confirmEach(questions, output, AbortSignal.any([gone, signal]));
    const agreed = event.volumes.filter((_volume, at) => answers[at] === true).map(({ key }) => key);
    yield* client.stream('PUT /v1/project', { ...request, changedVolumes: agreed }, signal);
    return;
  }
}
