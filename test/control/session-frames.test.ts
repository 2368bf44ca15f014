import { describe, test } from 'vitest';

import { encodeFrame, FrameReader } from '../../src/control/session-frames.ts';

describe('frames of a session', () => {
  const wire = Buffer.concat([
    encodeFrame('message', Buffer.from('{"a":1}')),
    encodeFrame('stdout', Buffer.from([0, 1, 255])),
    encodeFrame('input', Buffer.alloc(0)),
    encodeFrame('stderr', Buffer.from('x')),
  ]);

  test.for([1, 2, 5, 7, 1000])('arrive whole in pieces of %i bytes', (size, { expect }) => {
    const reader = new FrameReader();
    const frames = [];
    for (let at = 0; at < wire.length; at += size) frames.push(...reader.push(wire.subarray(at, at + size)));
    expect(frames.map(({ channel, bytes }) => [channel, [...bytes]])).toEqual([
      ['message', [...Buffer.from('{"a":1}')]],
      ['stdout', [0, 1, 255]],
      ['input', []],
      ['stderr', [120]],
    ]);
  });

  test('what is no frame is an error', ({ expect }) => {
    expect(() => new FrameReader().push(Buffer.from('GET / HTTP/1.1'))).toThrow('not a frame');
  });
});
