import { describe, test } from 'vitest';

import { instanceId } from '../../src/model/ids.ts';
import type { Plan } from '../../src/model/plan.ts';
import { chainPlans, formatPlan, PlanBuilder } from '../../src/plan/builder.ts';

function starts(...services: readonly string[]): Plan {
  const plan = new PlanBuilder();
  let last: number[] = [];
  for (const service of services) {
    const id = instanceId(service, 1);
    last = [plan.add({ op: 'instance.start', id }, `service:${id}`, 'start', last)];
  }
  return plan.build();
}

describe('two plans in a chain', () => {
  test('what the second begins with needs all of the first; its own edges move along', ({ expect }) => {
    expect(formatPlan(chainPlans(starts('db', 'cache'), starts('api', 'web')))).toBe(
      [
        '[] -> #1 service:db#1, instance.start, start',
        '[1] -> #2 service:cache#1, instance.start, start',
        '[1,2] -> #3 service:api#1, instance.start, start',
        '[3] -> #4 service:web#1, instance.start, start',
      ].join('\n'),
    );
  });

  test('an empty plan changes nothing on either side', ({ expect }) => {
    const plan = starts('db');
    expect(chainPlans(plan, { nodes: [] })).toEqual(plan);
    expect(chainPlans({ nodes: [] }, plan)).toEqual(plan);
  });
});
