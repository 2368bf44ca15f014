import type { SourceRef, Warning, WcError } from './diagnostic.ts';

/**
 * The error as a person reads it: place and message, the line with a caret under what is meant, what to do.
 *
 * ```
 * compose.yaml:4:5: services.web.imagee: unknown key "imagee" [ERR_COMPOSE_INVALID]
 *
 *     imagee: nginx
 *     ^
 *   did you mean "image"?
 * ```
 */
export function formatError(error: WcError): string {
  return [
    `${place(error.source)}${error.message} [${error.code}]`,
    ...excerpt(error.source, error.sourceLine),
    ...(error.hint === undefined ? [] : [`  ${error.hint}`]),
  ].join('\n');
}

export function formatWarning(warning: Warning): string {
  return [`Warning: ${place(warning.source)}${warning.message}`, ...excerpt(warning.source, warning.sourceLine)].join(
    '\n',
  );
}

const WIDTH = 80;

function place(source: SourceRef | undefined): string {
  return source === undefined ? '' : `${source.file}:${source.line}:${source.column}: `;
}

/** The line, cut to the width of a terminal so that the place is in it, and a caret below. */
function excerpt(source: SourceRef | undefined, sourceLine: string | undefined): readonly string[] {
  if (source === undefined || sourceLine === undefined || sourceLine.trim() === '') return [];
  let line = sourceLine.replaceAll(/\t/g, ' ');
  let column = source.column - 1;
  if (column >= WIDTH - 1 && line.length > WIDTH) {
    const start = Math.min(column - Math.floor(WIDTH / 2), line.length - WIDTH + 1);
    line = `…${line.slice(start + 1)}`;
    column -= start;
  }
  if (line.length > WIDTH) line = `${line.slice(0, WIDTH - 1)}…`;
  return ['', line, `${' '.repeat(column)}^`];
}
