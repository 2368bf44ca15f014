import type { ScalarValue } from './node.ts';

/**
 * What a plain scalar stands for: YAML 1.2 core, but `0440` is octal and `1_000` a number, as in the YAML reader of
 * docker compose.
 */
export function plainValue(text: string): ScalarValue {
  // Most scalars are words, which the first letter tells.
  if (!MAYBE_NO_TEXT.test(text)) return text;
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^[-+]?[0-9][0-9_]*$/.test(text)) return integer(text.replaceAll('_', ''));
  if (/^[-+]?0[xob][0-9a-fA-F_]+$/.test(text)) return prefixed(text.replaceAll('_', '')) ?? text;
  if (/^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) {
    return Number(text.replaceAll('_', ''));
  }
  return text;
}

const MAYBE_NO_TEXT = /^(?:$|[-+.~\d]|[nNtTfF][a-zA-Z]{3,4}$)/;

function integer(digits: string): number | string {
  const octal = /^([-+]?)0([0-7]+)$/.exec(digits);
  const value = octal === null ? Number(digits) : Number.parseInt(`${octal[1]}${octal[2]}`, 8);
  // What a double cannot hold stays as it is written: an account number in an environment must not change.
  return Number.isSafeInteger(value) ? value : digits;
}

function prefixed(text: string): number | undefined {
  const negative = text.startsWith('-');
  const value = Number(text.replace(/^[-+]/, ''));
  if (!Number.isSafeInteger(value)) return undefined;
  return negative ? -value : value;
}
