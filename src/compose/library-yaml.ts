import { isAlias, isMap, isScalar, parseAllDocuments } from 'yaml';
import type { ParsedNode, Scalar } from 'yaml';

import type { ScalarValue } from './node.ts';
import { plainValue } from './plain-scalar.ts';
import { errorAt } from './problems.ts';
import type { SourceFile } from './source-file.ts';
import type { ScalarSyntax, Syntax } from './yaml-syntax.ts';

/** Every document of the file; all of YAML, with errors at their place. */
export function parseWithLibrary(file: SourceFile): readonly Syntax[] {
  try {
    return parse(file);
  } catch (error) {
    // The library, and we after it, call ourselves for each level of nesting: RangeError, the stack is full.
    if (!(error instanceof RangeError)) throw error;
    throw errorAt({ file, offset: 0 }, [], 'nested too deeply', undefined, 'ERR_COMPOSE_PARSE');
  }
}

function parse(file: SourceFile): readonly Syntax[] {
  const documents = parseAllDocuments(file.text, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      throw errorAt({ file, offset: error.pos[0] }, [], plainMessage(error.message), undefined, 'ERR_COMPOSE_PARSE');
    }
    return document.contents === null ? [] : [toSyntax(document.contents)];
  });
}

function toSyntax(node: ParsedNode): Syntax {
  const offset = node.range[0];
  if (isAlias(node)) return { kind: 'alias', offset, anchor: undefined, tag: undefined, source: node.source };
  const { anchor, tag } = node;
  if (isScalar(node)) return scalarSyntax(node, offset);
  if (!isMap(node)) {
    return { kind: 'list', offset, anchor, tag, flow: node.flow === true, items: node.items.map(toSyntax) };
  }
  const pairs = node.items.map((pair) => ({
    key: toSyntax(pair.key),
    value: pair.value === null ? emptyAt(pair.key.range[0]) : toSyntax(pair.value),
  }));
  return { kind: 'map', offset, anchor, tag, flow: node.flow === true, pairs };
}

function scalarSyntax(node: Scalar.Parsed, offset: number): ScalarSyntax {
  const { anchor, tag, type, source } = node;
  const style = type !== 'PLAIN' ? 'quoted' : source === '' ? 'empty' : 'plain';
  return { kind: 'scalar', offset, anchor, tag, value: scalarValue(node), style };
}

function emptyAt(offset: number): ScalarSyntax {
  return { kind: 'scalar', offset, anchor: undefined, tag: undefined, value: null, style: 'empty' };
}

function scalarValue(node: Scalar.Parsed): ScalarValue {
  // A tag such as !!str says what the value is; our own tags say nothing about it.
  const tagged = node.tag !== undefined && node.tag !== '!reset' && node.tag !== '!override';
  if (node.type === 'PLAIN' && !tagged) return plainValue(node.source);
  const value: unknown = node.value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value === null ? null : node.source;
}

/** Without the explanation that follows in the message of the YAML library. */
function plainMessage(message: string): string {
  // The library catches its own RangeError where it can.
  if (message.startsWith('Maximum call stack')) return 'nested too deeply';
  return message.replace(/ at line \d+, column \d+:?[\s\S]*$/, '');
}
