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
    `${place(error.source)}${told(error.message, error.source)} [${error.code}]`,
    ...excerpt(error.source, error.sourceLine),
    ...(error.hint === undefined ? [] : [`  ${told(error.hint, error.source)}`]),
  ].join('\n');
}

export function formatWarning(warning: Warning): string {
  return [
    `Warning: ${place(warning.source)}${told(warning.message, warning.source)}`,
    ...excerpt(warning.source, warning.sourceLine),
  ].join('\n');
}

/**
 * The text with everything written out that a terminal would act on or not show: controls, direction marks, characters
 * without width. What a file says may come from anybody.
 */
export function visibly(text: string): string {
  return text.replaceAll(HIDDEN, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`;
  });
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const WIDTH = 80;
/** A name that fills the screen hides what is said of it. */
const LONGEST_MESSAGE = 2_000;

/** What is said of a place in a file is one line; messages of several lines are our own, or of the Engine. */
function told(message: string, source: SourceRef | undefined): string {
  const cut = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message;
  return source === undefined ? cut.split('\n').map(visibly).join('\n') : visibly(cut);
}

function place(source: SourceRef | undefined): string {
  return source === undefined ? '' : `${visibly(source.file)}:${source.line}:${source.column}: `;
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
  // One mark for each unit, so that the caret stays where it belongs.
  const shown = line.replaceAll(HIDDEN, (character) => '\uFFFD'.repeat(character.length));
  return ['', shown, `${' '.repeat(column)}^`];
}
