import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, test } from 'vitest';

import { createGroup } from '../../../src/runtime/wasm/process/cgroup.ts';
import { FrameReader, encodeFrame } from '../../../src/runtime/wasm/process/frames.ts';
import { parseFromProcess } from '../../../src/runtime/wasm/process/guest-message.ts';

/** Directories with the files that the kernel would make. */
class Tree implements Disposable {
  readonly root = mkdtempSync(path.join(tmpdir(), 'wc-cgroup-'));

  group(name: string, files: Readonly<Record<string, string>>): this {
    mkdirSync(path.join(this.root, name), { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(path.join(this.root, name, file), text);
    return this;
  }

  read(file: string): string {
    return readFileSync(path.join(this.root, file), 'utf8');
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const LIMITS = { cpus: 0.5, memoryBytes: 1_000_000, tasks: 40 };

describe('control groups', () => {
  test('version 2: below the group of this process, with the controllers that are missing', ({ expect }) => {
    using tree = new Tree()
      .group('', { 'cgroup.controllers': 'cpu memory pids' })
      .group('a/b', { 'cgroup.subtree_control': 'memory' });
    const group = createGroup('wcompose-1-1', LIMITS, { root: tree.root, own: '0::/a/b\n' });
    expect(group.refused).toEqual([]);
    expect(tree.read('a/b/cgroup.subtree_control')).toBe('+cpu +pids');
    expect(tree.read('a/b/wcompose-1-1/cpu.max')).toBe('50000 100000');
    expect(tree.read('a/b/wcompose-1-1/memory.max')).toBe('1000000');
    expect(tree.read('a/b/wcompose-1-1/pids.max')).toBe('40');
    group.add(4711);
    expect(tree.read('a/b/wcompose-1-1/cgroup.procs')).toBe('4711');
  });

  test('version 2: the next group above where the own one cannot be divided', ({ expect }) => {
    using tree = new Tree()
      .group('', { 'cgroup.controllers': 'cpu' })
      .group('a', { 'cgroup.subtree_control': 'cpu' })
      .group('a/b', {});
    const group = createGroup('wcompose-1-1', { cpus: 2 }, { root: tree.root, own: '0::/a/b\n' });
    expect(group.refused).toEqual([]);
    expect(tree.read('a/wcompose-1-1/cpu.max')).toBe('200000 100000');
  });

  test('version 1: a tree for each controller; memory is left to the module', ({ expect }) => {
    using tree = new Tree().group('cpu/mine', {}).group('pids', {});
    const places = { root: tree.root, own: '4:cpu,cpuacct:/mine\n2:pids:/elsewhere\n' };
    const group = createGroup('wcompose-1-1', LIMITS, places);
    expect(group.refused).toEqual([]);
    expect(tree.read('cpu/mine/wcompose-1-1/cpu.cfs_quota_us')).toBe('50000');
    expect(tree.read('pids/wcompose-1-1/pids.max')).toBe('40');
  });

  test('where none can be made it is said what is not held', ({ expect }) => {
    const group = createGroup('wcompose-1-1', { cpus: 0.5 }, { root: '/nonexistent', own: '' });
    expect(group.refused.join()).toMatch(/^cpus \(0\.5\) is not held: no control group could be made \(ENOENT/);
    expect(() => group.add(1)).not.toThrow();
  });

  test('groups of supervisors that are gone are removed, those of living ones are not', ({ expect }) => {
    using tree = new Tree().group('cpu/wcompose-999999999-1', {}).group(`cpu/wcompose-${process.pid}-1`, {});
    createGroup(`wcompose-${process.pid}-2`, { cpus: 1 }, { root: tree.root, own: '' });
    expect(existsSync(path.join(tree.root, 'cpu/wcompose-999999999-1'))).toBe(false);
    expect(existsSync(path.join(tree.root, `cpu/wcompose-${process.pid}-1`))).toBe(true);
  });

  test('without limits there is no group', ({ expect }) => {
    using tree = new Tree().group('', { 'cgroup.controllers': 'cpu' });
    const none = { cpus: undefined, memoryBytes: undefined, tasks: undefined };
    expect(createGroup('wcompose-1-1', none, { root: tree.root, own: '0::/' }).refused).toEqual([]);
    expect(existsSync(path.join(tree.root, 'wcompose-1-1'))).toBe(false);
  });
});

describe('what a process says', () => {
  test('frames come whole, however they are cut', ({ expect }) => {
    const wire = Buffer.concat(['one', '', 'three'].flatMap((text, kind) => encodeFrame(kind, Buffer.from(text))));
    for (let size = 1; size <= wire.length; size++) {
      const got: string[] = [];
      const reader = new FrameReader(100, (kind, payload) => got.push(`${kind}:${payload.toString()}`));
      for (let at = 0; at < wire.length; at += size) reader.push(wire.subarray(at, at + size));
      expect(got).toEqual(['0:one', '1:', '2:three']);
    }
  });

  test('a frame beyond the limit is an error before it is kept', ({ expect }) => {
    const reader = new FrameReader(10, () => undefined);
    expect(() => reader.push(Buffer.concat(encodeFrame(1, Buffer.alloc(11))))).toThrow('a message of 11 bytes');
  });

  test.for([
    ['no JSON', '{', undefined],
    ['no message', '7', undefined],
    ['unknown', '{"type":"run"}', undefined],
    [
      'a port that is a path',
      '{"type":"listening","port":"../../x"}',
      { type: 'listening', port: 0, isPrivate: false, listening: false },
    ],
    ['a port that is none', '{"type":"listening","port":70000}', undefined],
    [
      'a code that is no error',
      '{"type":"failed","failure":{"why":"service","code":"toString","message":"m"}}',
      { type: 'failed', failure: { why: 'service', code: 'ERR_INTERNAL', message: 'm', hint: undefined } },
    ],
    ['an end', '{"type":"ended","exit":{"how":"code","code":3}}', { type: 'ended', exit: { how: 'code', code: 3 } }],
    ['an end without how', '{"type":"ended"}', { type: 'ended', exit: { how: 'lost', reason: '' } }],
    [
      'a negative descriptor',
      '{"type":"file","ask":1,"question":{"what":"sync","fd":-1}}',
      { type: 'file', ask: 1, question: { what: 'sync', fd: 0, dataOnly: false } },
    ],
  ] as const)('%s', ([, text, parsed], { expect }) => {
    expect(parseFromProcess(text)).toEqual(parsed);
  });
});
