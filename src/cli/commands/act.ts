import type { InstancesRequest } from '../../control/protocol.ts';
import { ensureSupervisor } from '../connect.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

/** `kill`, `pause`, `unpause`: at once, to instances that run. */
export async function act(request: InstancesRequest, context: CommandContext): Promise<ExitStatusCode> {
  const { output, signal } = context;
  const { client } = await ensureSupervisor(await context.projectName(), { sameVersion: false }, signal);
  const reply = await client.call('POST /v1/instances', request, signal);
  for (const warning of reply.warnings) output.err(`${output.style('yellow', 'Warning:')} ${warning}\n`);
  for (const { name, kind } of reply.done) {
    const title = `${kind === 'wasm' ? 'Wasm' : 'Container'} ${name}`;
    output.err(` ${output.style('green', '✔')} ${title}  ${doneWord(request)}\n`);
  }
  if (reply.done.length === 0) output.err(`No ${targetWord(request)} instance to ${verb(request)}.\n`);
  return EXIT_OK;
}

function doneWord(request: InstancesRequest): string {
  if (request.action === 'signal') return request.signal === 'SIGKILL' ? 'Killed' : `Sent ${request.signal}`;
  return request.action === 'pause' ? 'Paused' : 'Unpaused';
}

function targetWord(request: InstancesRequest): string {
  return request.action === 'unpause' ? 'paused' : 'running';
}

function verb(request: InstancesRequest): string {
  return request.action === 'signal' ? 'kill' : request.action;
}
