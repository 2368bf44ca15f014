import { test } from 'vitest';
import type { ExpectStatic } from 'vitest';

import { Chance, MixedProject } from './faults.ts';
import { docker, eventually } from './project.ts';

const STEPS = 14;

/** What somebody, or the kernel, does to a project that runs. */
const BLOWS: Readonly<Record<string, (project: MixedProject, expect: ExpectStatic) => Promise<void>>> = {
  'kill -9 of an up that has begun': async (project) => {
    const up = project.start('up', '-d', '--wait', '--force-recreate', '-t', '1');
    await eventually(() => {
      if (up.stderr === '') throw new Error('it has said nothing yet');
    });
    up.signal('SIGKILL');
    await up.exited;
  },
  'kill -9 of the supervisor': async (project) => {
    process.kill(project.supervisorPid(), 'SIGKILL');
    await Promise.resolve();
  },
  'kill -9 of the supervisor during an up': async (project, expect) => {
    const up = project.start('up', '-d', '--wait', '--force-recreate', '-t', '1');
    await eventually(() => {
      if (up.stderr === '') throw new Error('it has said nothing yet');
    });
    process.kill(project.supervisorPid(), 'SIGKILL');
    // It may just have been ready.
    expect([0, 1]).toContain(await up.exited);
  },
  'kill of the container': async (project) => void (await docker('kill', project.box)),
  'removal of the container': async (project) => void (await docker('rm', '-f', project.box)),
  'restart of the container': async (project) => void (await docker('restart', '-t', '0', project.box)),
  'kill of the relay': async (project) => void (await docker('kill', project.relay)),
  'removal of the relay': async (project) => void (await docker('rm', '-f', project.relay)),
  'restart of the relay': async (project) => void (await docker('restart', '-t', '0', project.relay).catch(isGone)),
  'relay cut off the network': async (project) =>
    void (await docker('network', 'disconnect', '-f', `${project.name}_shared`, project.relay)),
  'container cut off the network': async (project) =>
    void (await docker('network', 'disconnect', '-f', `${project.name}_shared`, project.box)),
  'container cut off its other network': async (project) =>
    void (await docker('network', 'disconnect', '-f', `${project.name}_own`, project.box)),
};

/** Each at least once, in an order of chance. */
test(
  `after each of ${STEPS} blows the next up converges and both ways of the network work`,
  { timeout: 600_000 },
  async ({ expect }) => {
    const chance = new Chance();
    const names = Object.keys(BLOWS);
    const more = Array.from({ length: STEPS - names.length }, () => chance.pick(names));
    const blows = chance.shuffled([...names, ...more]);
    await using project = await MixedProject.open('blows');
    await project.converges(expect, 'first');
    for (const [at, name] of blows.entries()) {
      const about = `step ${at + 1}: ${name}; WCOMPOSE_TEST_SEED=${chance.seed}`;
      const began = performance.now();
      try {
        await BLOWS[name]?.(project, expect);
      } catch (error) {
        throw new Error(about, { cause: error });
      }
      await project.converges(expect, about);
      if (process.env['WCOMPOSE_TEST_TELL'])
        console.log(`${((performance.now() - began) / 1000).toFixed(1)} s ${about}`);
    }
    await project.vanishes(expect, `WCOMPOSE_TEST_SEED=${chance.seed}`);
  },
);

/** AutoRemove may be quicker than the restart. */
function isGone(error: unknown): void {
  if (!/No such container|marked for removal|removal of container/.test(String(error))) throw error;
}
