import { describe, test } from 'vitest';

import { eventually, TestProject } from './project.ts';

/** Needs a second for a graceful end, and says how it ended. */
const SLOW_END = `
services:
  slow:
    image: wcompose-test/busybox
    init: false
    command: [sh, -c, "trap 'echo ending; sleep 1; exit 7' TERM; echo ready; while :; do sleep 0.1; done"]
`;

describe('Ctrl-C of an attached up', () => {
  test('gives the grace of -t in seconds, and the exit code is the service’s own', async ({ expect }) => {
    await using project = new TestProject('grace').write({ 'compose.yaml': SLOW_END });
    const up = project.start('up', '-t', '60');
    await eventually(() => expect(up.stdout).toContain('ready'));
    up.signal('SIGINT');
    expect(await up.exited).toBe(130);
    expect(up.stdout).toContain('slow-1  | ending');
    expect(up.stdout).toContain('slow-1 exited with code 7');
  });

  test('twice kills what takes its time', async ({ expect }) => {
    await using project = new TestProject('twice').write({
      'compose.yaml': SLOW_END.replace('sleep 1; exit 7', 'sleep 600; exit 7'),
    });
    const up = project.start('up', '-t', '600');
    await eventually(() => expect(up.stdout).toContain('ready'));
    up.signal('SIGINT');
    await eventually(() => expect(up.stdout).toContain('ending'));
    up.signal('SIGINT');
    expect(await up.exited).toBe(130);
    expect(up.stdout).toContain('slow-1 exited with code 137');
  });
});
