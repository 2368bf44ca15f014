import type { SourceRef } from '../model/diagnostic.ts';

/** A text that values were read from; lines are counted when the first message needs one. */
export class SourceFile {
  /** As the user would write it: relative to the working directory where it lies below it. */
  readonly name: string;
  /** Absolute path; `-` for standard input. */
  readonly path: string;
  readonly text: string;
  #lineStarts: readonly number[] | undefined;

  constructor(name: string, path: string, text: string) {
    this.name = name;
    this.path = path;
    this.text = text;
  }

  locate(offset: number): { readonly line: number; readonly column: number; readonly text: string } {
    const starts = (this.#lineStarts ??= lineStarts(this.text));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const start = starts[low] ?? 0;
    const text = this.text.slice(start, starts[low + 1]).replace(/\r?\n$/, '');
    return { line: low + 1, column: offset - start + 1, text };
  }
}

/** Where a value stands. */
export interface Position {
  readonly file: SourceFile;
  readonly offset: number;
}

/** Names and list positions from the top of the file to a value. */
export type Path = readonly (string | number)[];

/** `services.web.ports[0]` */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

export function sourceRef(at: Position, path: Path): SourceRef {
  const { line, column } = at.file.locate(at.offset);
  return { file: at.file.name, line, column, path: pathText(path) };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
