import { describe, test } from 'vitest';

import { toUsage } from '../../../src/runtime/container/usage.ts';

const READ = '2026-01-02T03:04:05.678Z';
const REPLY = {
  read: READ,
  cpu_stats: { cpu_usage: { total_usage: 5_000_000 } },
  memory_stats: { usage: 1_000, limit: 10_000, stats: {} },
  networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: 'Read', value: 3 },
      { op: 'write', value: 4 },
      { op: 'Total', value: 7 },
    ],
  },
  pids_stats: { current: 6 },
};

describe('what the Engine says of a container', () => {
  test('is what docker shows', ({ expect }) => {
    expect(toUsage(REPLY)).toEqual({
      cpu: { atMs: Date.parse(READ), usedMs: 5 },
      memoryBytes: 1_000,
      memoryLimitBytes: 10_000,
      receivedBytes: 11,
      sentBytes: 22,
      readBytes: 3,
      writtenBytes: 4,
      tasks: 6,
    });
  });

  test.for([
    ['version 1', { total_inactive_file: 400, inactive_file: 100 }, 600],
    ['version 2', { inactive_file: 100 }, 900],
    ['nonsense', { inactive_file: 4_000 }, 1_000],
  ] as const)('memory without pages of files: control groups of %s', ([, stats, memoryBytes], { expect }) => {
    expect(toUsage({ ...REPLY, memory_stats: { ...REPLY.memory_stats, stats } })).toMatchObject({ memoryBytes });
  });

  test('without networks and disks', ({ expect }) => {
    const bare = { read: READ, memory_stats: { usage: 1 }, blkio_stats: { io_service_bytes_recursive: null } };
    expect(toUsage(bare)).toMatchObject({ receivedBytes: 0, readBytes: 0, memoryBytes: 1 });
  });

  test('a container that does not run has nothing', ({ expect }) => {
    expect(toUsage({ read: '0001-01-01T00:00:00Z', memory_stats: {} })).toBeUndefined();
  });
});
