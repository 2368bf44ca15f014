// The page docs/wasm-attributes.md, made from the table that the loader itself uses.
import { ATTRIBUTE_USE } from '../src/compose/attribute-use.ts';

const MEANS = {
  same: 'yes',
  mapped: 'yes, with a meaning of its own',
  loaded: 'yes',
  ignored: 'of no consequence',
  warned: 'warned of once and ignored',
  refused: 'an error',
  later: 'not supported yet: an error',
};

/** The page as text. */
export function wasmAttributesPage() {
  const rows = Object.entries(ATTRIBUTE_USE).map(([name, { wasm, note }]) => [`\`${name}\``, MEANS[wasm], note]);
  const table = [['attribute', 'Wasm service', 'meaning or reason'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [
    '# Attributes of a Wasm service',
    '',
    'A service is a Wasm service when its `platform` is `wasi/wasm` (or `wasi/wasm32`, `wasip1/wasm`, `wasip2/wasm`), when',
    'its `runtime` is that of a Wasm shim, or when it has `x-wasm`. It may have every attribute of a compose service; what',
    'each of them means then is in this table. Nothing that matters is ignored silently.',
    '',
    'Made from `src/compose/attribute-use.ts`; `UPDATE=1 npx vitest run test/compose` writes it anew.',
    '',
    line(table[0]),
    rule,
    ...table.slice(1).map(line),
    '',
  ].join('\n');
}
