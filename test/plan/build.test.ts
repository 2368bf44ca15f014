import { describe, test } from 'vitest';

import type { Service } from '../../src/model/project.ts';
import { planBuild } from '../../src/plan/build.ts';
import { formatPlan } from '../../src/plan/builder.ts';
import { container, imageBuild, project, wasm } from './fixtures.ts';

const base = container('base', { imageBuild: imageBuild() });
const web = container('web', { imageBuild: imageBuild({ additionalContexts: { from: 'service:base', more: '/x' } }) });
const fresh = container('fresh', { imageBuild: imageBuild(), pullPolicy: 'build' });
const redis = container('redis');
const api = wasm('api', { imageBuild: imageBuild() });
const all: readonly Service[] = [web, base, fresh, redis, api];

function plan(
  services: readonly Service[],
  when: 'missing' | 'always' | 'never',
  present: readonly string[] = [],
): string {
  return formatPlan(planBuild(services, project([...all]), { when, present: new Set(present) }));
}

describe('what is built', () => {
  test('all that is missing, contexts before what needs them', ({ expect }) => {
    expect(plan(all, 'missing')).toMatchInlineSnapshot(`
      "[] -> #1 service:base, artifact.build, not there
      [1] -> #2 service:web, artifact.build, not there
      [] -> #3 service:fresh, artifact.build, pull_policy is build
      [] -> #4 service:api, artifact.build, not there"
    `);
  });

  test('only what the file wants each time, where everything is there', ({ expect }) => {
    expect(plan(all, 'missing', ['base', 'web', 'fresh', 'api'])).toBe(
      '[] -> #1 service:fresh, artifact.build, pull_policy is build',
    );
  });

  test('what a missing context was made into', ({ expect }) => {
    expect(plan([web], 'missing', ['web'])).toMatchInlineSnapshot(`
      "[] -> #1 service:base, artifact.build, not there
      [1] -> #2 service:web, artifact.build, its context is built"
    `);
  });

  test('all that is asked for, with its contexts', ({ expect }) => {
    expect(plan([web], 'always', ['base', 'web'])).toMatchInlineSnapshot(`
      "[] -> #1 service:base, artifact.build, asked for
      [1] -> #2 service:web, artifact.build, asked for"
    `);
  });

  test('nothing with --no-build', ({ expect }) => {
    expect(plan(all, 'never')).toBe('');
  });

  test('contexts in a circle are an error that names it', ({ expect }) => {
    const a = container('a', { imageBuild: imageBuild({ additionalContexts: { x: 'service:b' } }) });
    const b = container('b', { imageBuild: imageBuild({ additionalContexts: { x: 'service:a' } }) });
    expect(() => planBuild([a], project([a, b]), { when: 'always', present: new Set() })).toThrow(
      'build contexts are a cycle: a -> b -> a',
    );
  });
});
