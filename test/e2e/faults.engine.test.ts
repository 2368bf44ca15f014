import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { describe, test } from 'vitest';

import { holdings, MixedProject } from './faults.ts';
import type { Holdings } from './faults.ts';
import { eventually } from './project.ts';

describe('nothing is left', () => {
  test('of eight lives of a mixed project', { timeout: 600_000 }, async ({ expect }) => {
    await using project = await MixedProject.open('lives');
    for (let life = 1; life <= 8; life++) {
      const up = await project.run('up', '-d', '--wait');
      expect(up.code, `life ${life}: ${up.stderr}`).toBe(0);
      await project.answersBothWays(expect, 'both ways');
      await project.vanishes(expect, `life ${life}`);
      await expect(isFree(project.port)).resolves.toBe(true);
    }
    expect(readdirSync(join(project.home, 'state', 'wcompose'))).toEqual([]);
  });

  test('in a supervisor whose instances were made anew again and again', { timeout: 600_000 }, async ({ expect }) => {
    await using project = await MixedProject.open('anew');
    const again = async (): Promise<void> => {
      const up = await project.run('up', '-d', '--wait', '--force-recreate', '-t', '1');
      expect(up, up.stderr).toMatchObject({ code: 0 });
      await project.answersBothWays(expect, 'both ways');
    };
    for (let life = 0; life < 2; life++) await again();
    const pid = project.supervisorPid();
    // Spare threads are dismissed after a while.
    const before = await settled(pid);
    for (let life = 0; life < 4; life++) await again();
    expect(project.supervisorPids()).toEqual([pid]);
    await eventually(() => {
      const now = holdings(pid);
      expect(now.descriptors).toEqual(before.descriptors);
      expect(now.threads).toBeLessThanOrEqual(before.threads);
      expect(now.children).toBe(0);
    });
  });
});

/** Looks until two looks in a row see the same. */
async function settled(pid: number): Promise<Holdings> {
  let last = holdings(pid);
  return await eventually(() => {
    const before = last;
    last = holdings(pid);
    if (JSON.stringify(before) !== JSON.stringify(last)) throw new Error(`process ${pid} does not come to rest`);
    return last;
  });
}

/** Nobody listens on the port of the host. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return true;
  } catch {
    // EADDRINUSE
    return false;
  } finally {
    server.close();
  }
}
