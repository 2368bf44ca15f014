import type { Explanation, Origin } from '../../compose/explain.ts';
import { RUN_MODEL } from '../../compose/load-options.ts';
import { visibly } from '../../model/format-diagnostic.ts';
import { formatTable } from '../../ui/table.ts';
import { EXIT_OK } from '../context.ts';
import type { CommandContext, ExitStatusCode } from '../context.ts';

export interface WhyOptions {
  readonly format: 'table' | 'json';
}

/** Each value of a service as it runs, with the file, line and column that it comes from. */
export async function why(service: string, options: WhyOptions, context: CommandContext): Promise<ExitStatusCode> {
  const loaded = await context.loadModel([service], { ...RUN_MODEL, select: true });
  const { explainService } = await import('../../compose/explain.ts');
  const found = await explainService(loaded.model.root, service);
  context.output.out(
    options.format === 'json' ? `${JSON.stringify(found.map(asJson), undefined, 2)}\n` : asTable(found),
  );
  return EXIT_OK;
}

function asJson({ path, value, source, origin }: Explanation): unknown {
  const { file, line, column } = source;
  return { path, value, file, line, column, origin: origin.kind, text: 'text' in origin ? origin.text : undefined };
}

function asTable(found: readonly Explanation[]): string {
  const rows = found.map(({ path, value, source, origin }) => [
    visibly(path),
    shortened(typeof value === 'string' ? value : JSON.stringify(value)),
    visibly(`${source.file}:${source.line}:${source.column}`),
    note(origin),
  ]);
  return formatTable(['ATTRIBUTE', 'VALUE', 'FROM', 'WRITTEN AS'], rows);
}

function note(origin: Origin): string {
  switch (origin.kind) {
    case 'written':
      return '';
    case 'rewritten':
    case 'interpolated':
      return shortened(origin.text);
    case 'file':
      return `in ${shortened(origin.text)}`;
    case 'environment':
      return '(variable of the environment)';
    case 'implied':
      return '(implied)';
  }
}

const WIDTH = 60;

function shortened(text: string): string {
  const shown = visibly(text);
  return shown.length > WIDTH ? `${shown.slice(0, WIDTH - 1)}…` : shown;
}
