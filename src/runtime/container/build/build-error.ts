import { WcError } from '../../../model/diagnostic.ts';
import type { ImageBuildRequest } from '../../container-images.ts';
import type { BuildContext } from './context.ts';
import { lineOfStep } from './dockerfile.ts';
import type { BuildMessages } from './progress.ts';

/** A build that its builder gave up: which step, at which line of the Dockerfile, and what it printed last. */
export function buildFailed(
  request: ImageBuildRequest,
  context: BuildContext,
  { failedStep, failedOutput, error = 'no reason given' }: Pick<BuildMessages, 'failedStep' | 'failedOutput' | 'error'>,
): WcError {
  const reason = reasonOf(error);
  const step = failedStep === undefined ? '' : `step ${failedStep}: `;
  const output = failedOutput.length === 0 ? '' : `\n${failedOutput.join('\n')}`;
  const lines = context.kind === 'files' ? context.text.split(/\r?\n/) : [];
  const line = lineOf(context, failedStep, error);
  const inline = context.kind === 'files' && context.path === undefined && line !== undefined;
  const where = inline ? ` (line ${line} of dockerfile_inline)` : '';
  return new WcError('ERR_BUILD_FAILED', `cannot build ${request.service}: ${step}${reason}${where}${output}`, {
    hint: HINTS.find(({ pattern }) => pattern.test(error))?.hint,
    ...(context.kind === 'files' && context.path !== undefined && line !== undefined
      ? { source: { file: context.path, line, column: 1, path: '' }, sourceLine: lines[line - 1] }
      : { source: request.build.places['dockerfile_inline'] ?? request.build.source }),
  });
}

function lineOf(context: BuildContext, step: string | undefined, error: string): number | undefined {
  if (context.kind !== 'files') return undefined;
  const said = /(?:parse error (?:on )?line |Dockerfile:|dockerfile line )(\d+)/i.exec(error)?.[1];
  if (said !== undefined) return Number(said);
  return step === undefined ? undefined : lineOfStep(context.text, step);
}

/** Without what BuildKit's layers put before it. */
function reasonOf(error: string): string {
  const exit = /(?:exit code: |non-zero code: )(\d+)/.exec(error)?.[1];
  if (exit !== undefined) return `exit code ${exit}`;
  return error
    .replace(/^failed to solve(?: with frontend \S+)?: /, '')
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/^failed to solve(?: with frontend \S+)?: /, '')
    .replace(/^failed to create LLB definition: /, '')
    .trim();
}

const HINTS: readonly { readonly pattern: RegExp; readonly hint: string }[] = [
  {
    pattern: /dial tcp|lookup \S+ |no such host|connection refused|TLS handshake|i\/o timeout|Client\.Timeout/i,
    hint: 'a registry cannot be reached: check the network, or load the base image with: docker load',
  },
  {
    pattern: /pull access denied|authorization failed|unauthorized/i,
    hint: 'check the name of the base image, or log in to its registry (docker login)',
  },
  {
    pattern: /[Uu]nknown flag|unknown instruction/,
    hint: 'an older builder knows fewer of them; `# syntax=docker/dockerfile:1` as the first line gets a newer one',
  },
  {
    pattern: /not found|no such file or directory|forbidden path/i,
    hint: 'paths of COPY and ADD are relative to build.context; .dockerignore may leave them out',
  },
];
