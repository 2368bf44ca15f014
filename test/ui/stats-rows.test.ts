import { describe, test } from 'vitest';

import type { InstanceStats } from '../../src/control/protocol.ts';
import { cpuPercent } from '../../src/supervisor/stats.ts';
import { STATS_HEADER, statsJson, statsRow } from '../../src/ui/stats-rows.ts';
import { formatTable } from '../../src/ui/table.ts';

const CONTAINER: InstanceStats = {
  id: '0123456789abcdef0123456789abcdef',
  name: 'demo-db-1',
  service: 'db',
  kind: 'container',
  isRunning: true,
  cpuPercent: 12.345,
  memoryBytes: 3_281_000,
  memoryLimitBytes: 2_147_483_648,
  receivedBytes: 1_040,
  sentBytes: 0,
  readBytes: 12_345_678,
  writtenBytes: 999,
  tasks: 7,
};
const GUEST: InstanceStats = {
  id: 'web#1',
  name: 'demo-web-1',
  service: 'web',
  kind: 'wasm',
  isRunning: true,
  memoryBytes: 131_072,
  memoryLimitBytes: 4_294_967_296,
  receivedBytes: 10,
  sentBytes: 2_000_000,
  descriptors: 5,
  connections: 1,
};
const ENDED: InstanceStats = { id: 'job#1', name: 'demo-job-1', service: 'job', kind: 'wasm', isRunning: false };

describe('stats', () => {
  test('as docker prints them', ({ expect }) => {
    expect(
      formatTable(
        STATS_HEADER,
        [CONTAINER, GUEST, ENDED].map((one) => statsRow(one, false)),
      ),
    ).toBe(
      [
        'CONTAINER ID   NAME         CPU %    MEM USAGE / LIMIT   MEM %   NET I/O       BLOCK I/O       PIDS   FDS   CONNS',
        '0123456789ab   demo-db-1    12.35%   3.129MiB / 2GiB     0.15%   1.04kB / 0B   12.3MB / 999B   7      --    --',
        'web#1          demo-web-1   --       128KiB / 4GiB       0.00%   10B / 2MB     -- / --         --     5     1',
        'job#1          demo-job-1   --       -- / --             --      -- / --       -- / --         --     --    --',
        '',
      ].join('\n'),
    );
  });

  test('JSON has docker keys', ({ expect }) => {
    expect(statsJson(CONTAINER)).toMatchObject({
      ID: CONTAINER.id,
      CPUPerc: '12.35%',
      MemUsage: '3.129MiB / 2GiB',
      MemPerc: '0.15%',
      NetIO: '1.04kB / 0B',
      BlockIO: '12.3MB / 999B',
      PIDs: '7',
    });
  });

  test.for([
    ['half of a processor', { atMs: 0, usedMs: 0 }, { atMs: 1_000, usedMs: 500 }, 50],
    ['two processors', { atMs: 0, usedMs: 0 }, { atMs: 1_000, usedMs: 2_000 }, 200],
    ['the same moment', { atMs: 5, usedMs: 0 }, { atMs: 5, usedMs: 0 }, undefined],
    ['one look only', undefined, { atMs: 5, usedMs: 0 }, undefined],
  ] as const)('%s', ([, before, after, percent], { expect }) => {
    expect(cpuPercent({ cpu: before }, { cpu: after })).toBe(percent);
  });
});
