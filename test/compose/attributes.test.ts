import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';

import { wcomposeSchema } from '../../scripts/generate-schema.mjs';
import { FILE } from '../../src/compose/attributes.ts';
import type { Rule } from '../../src/compose/rules.ts';

interface Schema {
  readonly $ref?: string;
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly definitions?: Readonly<Record<string, Schema>>;
}

const text = readFileSync(join(import.meta.dirname, '../../schemas/wcompose.json'), 'utf8');
const schema = JSON.parse(text) as Schema;

/** All forms of a value that are objects or lists. */
function formsOf(node: Schema): readonly Schema[] {
  if (node.$ref !== undefined) return formsOf(schema.definitions?.[node.$ref.split('/').at(-1) ?? ''] ?? {});
  return [node, ...(node.oneOf ?? []).flatMap(formsOf)];
}

/** Paths at which the schema and the table name different keys. */
function differences(node: Schema, rule: Rule, path: string): readonly string[] {
  const forms = formsOf(node);
  switch (rule.kind) {
    case 'any':
    case 'scalar':
      return [];
    case 'list':
      return forms.flatMap((form) => (form.items === undefined ? [] : differences(form.items, rule.item, `${path}[]`)));
    case 'dict': {
      const values = forms.flatMap((form) => {
        const patterns = Object.entries(form.patternProperties ?? {}).filter(([pattern]) => pattern !== '^x-');
        return patterns.map(([, value]) => value);
      });
      return values.flatMap((value) => differences(value, rule.value, `${path}.*`));
    }
    case 'object': {
      const object = forms.find((form) => form.properties !== undefined);
      if (object === undefined) return [`${path}: an object only in the table`];
      const theirs = Object.keys(object.properties ?? {});
      const ours = Object.keys(rule.keys).filter((key) => key !== 'single');
      const [missing, more] = [
        theirs.filter((key) => !ours.includes(key)),
        ours.filter((key) => !theirs.includes(key)),
      ];
      const required = (object.required ?? []).filter((key) => !(rule.required ?? []).includes(key));
      return [
        ...missing.map((key) => `${path}.${key}: only in the schema`),
        ...more.map((key) => `${path}.${key}: only in the table`),
        ...required.map((key) => `${path}.${key}: required only in the schema`),
        ...theirs.flatMap((key) => {
          const [value, its] = [object.properties?.[key], rule.keys[key]];
          return value === undefined || its === undefined ? [] : differences(value, its, `${path}.${key}`);
        }),
      ];
    }
  }
}

describe('the table of attributes and the schema', () => {
  test('have the same keys at every place', ({ expect }) => {
    // A limit may also be one number, so its other keys are checked by a function.
    const limits = ['.services.*.build.ulimits.*', '.services.*.ulimits.*'];
    expect(differences(schema, FILE, '')).toEqual(
      limits.flatMap((path) => ['soft', 'hard'].map((key) => `${path}.${key}: required only in the schema`)),
    );
  });

  test('the schema is the one that its generator makes', ({ expect }) => {
    expect(text).toBe(wcomposeSchema());
  });
});
