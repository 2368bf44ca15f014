/*
 * terminal-picture.mjs TITLE <screen >picture.svg: a screen of a terminal, colours included, as a picture.
 *
 *     tmux new-session -d -s shot -x 100 -y 30 'npx wcompose -f examples/guestbook/compose.yaml up'
 *     tmux capture-pane -e -p -t shot | node scripts/terminal-picture.mjs 'wcompose up' >docs/guestbook-up.svg
 */
import { readFileSync } from 'node:fs';

const COLORS = ['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'];
const BRIGHT = ['#6e7681', '#ffa198', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#ffffff'];
const PLAIN = '#c9d1d9';
const FONT = 13;
const ADVANCE = 7.83;
const LEADING = 18;
const MARGIN = 16;
const BAR = 34;

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const SGR = /\u001B\[([\d;]*)m/;

const title = process.argv[2] ?? '';
const lines = readFileSync(0, 'utf8').trimEnd().split('\n').map(parseLine);
process.stdout.write(draw(lines));

/** Pieces of equal style: `{ text, color, bold, dim }`. */
function parseLine(line) {
  const pieces = [];
  let style = { color: PLAIN, bold: false, dim: false };
  // The capturing group keeps the sequences in the list, at its odd places.
  for (const [i, part] of line.split(SGR).entries()) {
    if (i % 2 === 0 && part !== '') pieces.push({ ...style, text: part });
    if (i % 2 === 1) style = part.split(';').map(Number).reduce(applyCode, style);
  }
  return pieces;
}

function applyCode(style, code) {
  if (code === 0) return { color: PLAIN, bold: false, dim: false };
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, color: PLAIN };
  if (code >= 30 && code <= 37) return { ...style, color: COLORS[code - 30] };
  if (code >= 90 && code <= 97) return { ...style, color: BRIGHT[code - 90] };
  return style;
}

function draw(rows) {
  const columns = Math.max(...rows.map((row) => row.reduce((sum, piece) => sum + Array.from(piece.text).length, 0)));
  const width = Math.ceil(columns * ADVANCE + 2 * MARGIN);
  const height = BAR + rows.length * LEADING + MARGIN;
  const text = rows.map((row, i) => drawRow(row, BAR + (i + 1) * LEADING - 5)).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
<circle cx="20" cy="17" r="5.5" fill="#ff5f57"/><circle cx="38" cy="17" r="5.5" fill="#febc2e"/><circle cx="56" cy="17" r="5.5" fill="#28c840"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT}" xml:space="preserve">
<text x="${width / 2}" y="21" fill="#8b949e" text-anchor="middle">${escape(title)}</text>
${text}
</g>
</svg>
`;
}

/** Each piece has a place of its own, so that columns stand in line in whatever font there is. */
function drawRow(row, y) {
  let column = 0;
  const spans = row.map(({ text, color, bold, dim }) => {
    const x = (MARGIN + column * ADVANCE).toFixed(1);
    column += Array.from(text).length;
    const weight = bold ? ' font-weight="bold"' : '';
    const opacity = dim ? ' opacity="0.6"' : '';
    return `<tspan x="${x}" fill="${color}"${weight}${opacity}>${escape(text)}</tspan>`;
  });
  return `<text y="${y}">${spans.join('')}</text>`;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
