import { formatTable } from './table.ts';

export interface Fitting {
  /** Columns of the terminal; undefined: nobody looks at it, and nothing is left out. */
  readonly width: number | undefined;
  /** Columns that are shortened, and columns that are left out then, by their names, in this order. */
  readonly shorten: readonly string[];
  readonly drop: readonly string[];
}

/** The table as it is where it fits; else with less in it. What is left is never broken into two lines by us. */
export function fittedTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { width, shorten, drop }: Fitting,
): string {
  let table = { header, rows };
  const steps: ((now: Table) => Table)[] = [
    ...shorten.map((name) => (now: Table) => shortened(now, name)),
    ...drop.map((name) => (now: Table) => without(now, name)),
  ];
  for (const step of steps) {
    const text = formatTable(table.header, table.rows);
    if (width === undefined || fits(text, width)) return text;
    table = step(table);
  }
  return formatTable(table.header, table.rows);
}

interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function fits(text: string, width: number): boolean {
  return text.split('\n').every((line) => Array.from(line).length <= width);
}

function shortened({ header, rows }: Table, name: string): Table {
  const at = header.indexOf(name);
  return { header, rows: rows.map((row) => row.map((cell, column) => (column === at ? shorter(cell) : cell))) };
}

/** Of a list of addresses the first says most; of a long name its end does. */
function shorter(cell: string): string {
  const [first = '', ...others] = cell.split(', ');
  if (others.length > 0) return `${first} +${others.length}`;
  return cell.length > SHORT ? `…${cell.slice(1 - SHORT)}` : cell;
}

const SHORT = 20;

function without({ header, rows }: Table, name: string): Table {
  const at = header.indexOf(name);
  const drop = (row: readonly string[]): readonly string[] => row.filter((_, column) => column !== at);
  return { header: drop(header), rows: rows.map(drop) };
}
