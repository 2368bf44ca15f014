import { test } from 'vitest';
import type { ExpectStatic } from 'vitest';

import { FaultyEngine } from '../fake/faulty-engine.ts';
import type { Fault } from '../fake/faulty-engine.ts';
import { Chance, MixedProject } from './faults.ts';

type Kinds = ReadonlyMap<string, number>;

/**
 * One request of each kind that an `up` and a `down` make goes wrong: which of its kind and how is chance. What the
 * command then says is its own affair; the next one, without a fault, sets everything right.
 */
test(
  'after any request to the Engine that fails, the next up converges and the next down leaves nothing',
  { timeout: 600_000 },
  async ({ expect }) => {
    const chance = new Chance();
    const seed = `WCOMPOSE_TEST_SEED=${chance.seed}`;
    const kinds = await record(expect);
    const turn = chance.below(HOWS.length);
    const faults = (seen: Kinds): readonly Fault[] =>
      chance.shuffled([...seen]).map(([kind, count], at) => ({
        kind,
        nth: 1 + chance.below(count),
        how: HOWS[(at + turn) % HOWS.length] ?? 'refused',
      }));
    const ups = faults(kinds.up);
    const downs = faults(kinds.down);
    const cases = ups.map((up, at) => ({ up, down: downs[at % downs.length] }));
    const lane = async (): Promise<void> => {
      for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
        await survive(next.up, next.down, seed, expect);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  },
);

const HOWS = ['refused', 'lost', 'torn'] as const;
/** A machine with two processors is not quicker with more. */
const LANES = 3;

async function record(expect: ExpectStatic): Promise<{ readonly up: Kinds; readonly down: Kinds }> {
  await using engine = await FaultyEngine.open();
  await using project = await MixedProject.open('kinds', { DOCKER_HOST: `unix://${engine.socketPath}` });
  await project.converges(expect, 'without a fault');
  const up = engine.seen;
  engine.arm(undefined);
  await project.vanishes(expect, 'without a fault');
  return { up, down: engine.seen };
}

async function survive(up: Fault, down: Fault | undefined, seed: string, expect: ExpectStatic): Promise<void> {
  await using engine = await FaultyEngine.open();
  await using project = await MixedProject.open('fault', { DOCKER_HOST: `unix://${engine.socketPath}` });
  const about = `up with ${describe(up)}, down with ${describe(down)}; ${seed}`;
  const began = performance.now();
  engine.arm(up);
  const broken = await project.run('up', '-d', '--wait');
  expect(broken.stderr, about).not.toContain('has a bug');
  engine.arm(undefined);
  await project.converges(expect, about);
  engine.arm(down);
  const halfway = await project.run('down', '-v', '-t', '1');
  expect(halfway.stderr, about).not.toContain('has a bug');
  engine.arm(undefined);
  await project.vanishes(expect, about);
  if (process.env['WCOMPOSE_TEST_TELL']) console.log(`${((performance.now() - began) / 1000).toFixed(1)} s ${about}`);
}

function describe(fault: Fault | undefined): string {
  return fault === undefined ? 'nothing' : `${fault.kind} number ${fault.nth} ${fault.how}`;
}
