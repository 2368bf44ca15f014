/* What the benches share: medians, spreads, processor time of other processes. */
import { readFileSync } from 'node:fs';

/** Seconds of processor time, user and system, of a process with all its threads and the children that have ended. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
}

export function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `median (least to most)` with `digits` after the point. */
export function spread(list, digits = 0) {
  const [least, most] = [Math.min(...list), Math.max(...list)];
  return `${median(list).toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

/** The median of the ratios of what was measured in the same round. */
export function ratio(list, reference) {
  return median(list.map((value, round) => value / reference[round]));
}

/** `BENCH_SHORT=1`: a run that only shows that the bench works. */
export const isShort = process.env.BENCH_SHORT === '1';

export function rounds(usual) {
  return isShort ? 1 : Number(process.env.BENCH_ROUNDS ?? usual);
}

export function print(...cells) {
  const [first, ...rest] = cells.map(String);
  process.stdout.write(`${first.padEnd(28)}${rest.map((cell) => cell.padStart(28)).join('')}\n`);
}
