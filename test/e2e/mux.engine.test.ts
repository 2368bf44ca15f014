import { fileURLToPath } from 'node:url';

import { test } from 'vitest';

import { docker, eventually, freePort, TestProject } from './project.ts';

const file = fileURLToPath(new URL('../../examples/guestbook/compose.yaml', import.meta.url));

test('over streams, as with an Engine elsewhere: the guestbook counts visits through all three and leaves nothing', async ({
  expect,
}) => {
  const port = await freePort();
  await using project = new TestProject('mux', { WEB_PORT: String(port), WCOMPOSE_NET: 'mux' }).useFile(file);
  const up = await project.run('up', '-d', '--wait');
  expect(up, up.stderr).toMatchObject({ code: 0 });
  const visits = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${port}`)).text();
    return Number(/visits?\D*(\d+)/i.exec(text)?.[1]);
  };
  const first = await visits();
  expect(first).toBeGreaterThan(0);
  expect(await visits()).toBe(first + 1);

  // nginx reached the Wasm service by its name; its relay shares nothing with this machine.
  const web = (await project.ps()).find((row) => row.Service === 'web');
  expect(await docker('exec', web?.Name ?? '', 'wget', '-qO-', 'http://api:8080/healthz')).not.toBe('');
  expect(await docker('inspect', '-f', '{{json .Mounts}} {{.Config.User}}', `${project.name}-api-1`)).toBe(
    '[] 65534:65534',
  );

  const down = await project.run('down', '-v');
  expect(down, down.stderr).toMatchObject({ code: 0 });
  await eventually(async () => expect(await project.leftovers()).toEqual([]));
});

test('a WCOMPOSE_NET that means nothing is said', async ({ expect }) => {
  await using project = new TestProject('net', { WCOMPOSE_NET: 'fast' }).useFile(file);
  const up = await project.run('up', '-d');
  expect(up.code).toBe(1);
  expect(up.stderr).toContain('WCOMPOSE_NET is "fast"; it may be auto, unix or mux');
});
