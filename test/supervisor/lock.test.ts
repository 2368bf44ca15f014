import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';

import { acquireLease } from '../../src/supervisor/lock.ts';
import type { ProjectLease } from '../../src/supervisor/lock.ts';

let base = '';
let path = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'wcompose-lock-'));
  path = join(base, 'run', 'lock.db');
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

async function acquire(waitMs = 0): Promise<ProjectLease> {
  return await acquireLease(path, waitMs, new AbortController().signal);
}

describe('the lease of a project', () => {
  test('makes its directory, is one at a time, and leaves nothing behind', async ({ expect }) => {
    const first = await acquire();
    await expect(acquire()).rejects.toMatchObject({ code: 'ERR_SUPERVISOR_BUSY' });
    first[Symbol.dispose]();
    expect(existsSync(join(base, 'run'))).toBe(false);
    (await acquire())[Symbol.dispose]();
  });

  test('who waits gets it when it is given back, although its file was removed meanwhile', async ({ expect }) => {
    const first = await acquire();
    const waiting = acquire(60_000);
    first[Symbol.dispose]();
    using second = await waiting;
    expect(existsSync(second.path)).toBe(true);
    await expect(acquire()).rejects.toMatchObject({ code: 'ERR_SUPERVISOR_BUSY' });
  });

  test('a directory that is in use by others stays', async ({ expect }) => {
    const lease = await acquire();
    writeFileSync(join(base, 'run', 'other'), '');
    lease[Symbol.dispose]();
    expect(existsSync(path)).toBe(false);
    expect(existsSync(join(base, 'run', 'other'))).toBe(true);
  });
});
