import { describe, test } from 'vitest';

import { IMAGE, MixedProject } from './faults.ts';
import { docker, eventually } from './project.ts';

async function addressOf(container: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return await docker('inspect', '-f', format, container);
}

describe('addresses that change', () => {
  test('a container that comes back with another address is found by its name', async ({ expect }) => {
    await using project = await MixedProject.open('moved');
    await project.converges(expect, 'first');
    const network = `${project.name}_shared`;
    const before = await addressOf(project.box, network);
    await docker('stop', project.box);
    const thieves: string[] = [];
    try {
      // The Engine gives the lowest address that is free.
      do {
        thieves.push(await docker('run', '-d', '--network', network, '--stop-signal', 'KILL', IMAGE, 'sleep', '3600'));
        expect(thieves.length).toBeLessThan(8);
      } while ((await addressOf(thieves.at(-1) ?? '', network)) !== before);
      await docker('start', project.box);
      expect(await addressOf(project.box, network)).not.toBe(before);
      await project.answersBothWays(expect, 'both ways');
    } finally {
      await docker('rm', '-f', ...thieves);
    }
    await project.vanishes(expect, 'last');
  });

  test('a Wasm service that its restart policy starts again keeps its address', async ({ expect }) => {
    await using project = await MixedProject.open('stays');
    await project.converges(expect, 'first');
    const network = `${project.name}_shared`;
    const id = await docker('inspect', '-f', '{{.Id}}', project.relay);
    const before = await addressOf(project.relay, network);
    await docker('exec', project.box, 'sh', '-c', 'wget -q -O - http://gate:8080/exit || true');
    // It says so each time it begins.
    await eventually(async () => {
      const { stdout } = await project.run('logs', '--no-log-prefix', 'gate');
      expect(stdout.split('\n').filter((line) => line === 'listening')).toHaveLength(2);
    });
    await project.answersBothWays(expect, 'both ways');
    expect(await docker('inspect', '-f', '{{.Id}}', project.relay)).toBe(id);
    expect(await addressOf(project.relay, network)).toBe(before);
    // A command restarts it on purpose, and clients that keep addresses need not know either.
    expect(await project.run('restart', 'gate')).toMatchObject({ code: 0 });
    await project.answersBothWays(expect, 'both ways');
  });
});
