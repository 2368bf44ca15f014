import { duplexPair } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';

import { describe, test } from 'vitest';

import { attachDemux } from '../../../src/net/relay/attach-demux.ts';
import { ControlChannel } from '../../../src/net/relay/control-channel.ts';
import { encodeFrame, FRAME, frameReader, helloFrame, isHello, WINDOW } from '../../../src/net/relay/frames.ts';
import type { Frame } from '../../../src/net/relay/frames.ts';
import { relayImage } from '../../../src/net/relay/image.ts';
import type { RelayStream } from '../../../src/net/relay/relay-stream.ts';
import { RelayLostError } from '../../../src/net/relay/relay-errors.ts';

const signal = AbortSignal.timeout(30_000);

function engineFrame(stream: number, text: string | Buffer): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

describe("the Engine's framing", () => {
  const output = Buffer.concat([
    engineFrame(1, 'one'),
    engineFrame(2, 'two'),
    engineFrame(1, ''),
    engineFrame(1, 'three'),
  ]);
  for (const size of [1, 2, 3, 7, 8, 9, 11, 1000]) {
    test(`is taken apart when it comes ${size} bytes at a time`, ({ expect }) => {
      let [stdout, stderr] = ['', ''];
      const feed = attachDemux(
        (bytes) => void (stdout += bytes.toString()),
        (bytes) => void (stderr += bytes.toString()),
      );
      for (let at = 0; at < output.length; at += size) feed(output.subarray(at, at + size));
      expect([stdout, stderr]).toEqual(['onethree', 'two']);
    });
  }
});

describe('frames', () => {
  for (const size of [1, 5, 12, 13, 1000]) {
    test(`are read when they come ${size} bytes at a time`, ({ expect }) => {
      const frames: Frame[] = [];
      const read = frameReader((frame) => void frames.push(frame));
      const bytes = Buffer.concat([
        helloFrame(),
        encodeFrame(4, 7, Buffer.alloc(0)),
        encodeFrame(5, 8, Buffer.from('EINVAL')),
      ]);
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
      expect(frames.map((frame) => [frame.type, frame.id, frame.payload.toString()]).slice(1)).toEqual([
        [4, 7, ''],
        [5, 8, 'EINVAL'],
      ]);
      expect(isHello(frames[0] as Frame)).toBe(true);
    });
  }

  test('that cannot be are an error', ({ expect }) => {
    const read = frameReader(() => {});
    expect(() => read(Buffer.from('HTTP/1.1 400 Bad Request'))).toThrow(RangeError);
  });
});

describe('the control channel', () => {
  test('tells what the relay said on stderr when it ends', async ({ expect }) => {
    const [outside, inside] = duplexPair();
    using channel = new ControlChannel(outside, () => {});
    inside.end(engineFrame(2, 'relay: epoll: Out of memory\n'));
    await expect(channel.hello(signal)).rejects.toBeInstanceOf(RelayLostError);
    expect(await channel.ended).toBe('relay: epoll: Out of memory');
    await expect(channel.listen(80, signal)).rejects.toBeInstanceOf(RelayLostError);
  });

  test('ends when what comes is not of the relay', async ({ expect }) => {
    const [outside, inside] = duplexPair();
    using channel = new ControlChannel(outside, () => {});
    inside.write(engineFrame(1, 'Hello, I am a shell prompt $'));
    expect(await channel.ended).toMatch(/^it sent what is not of its protocol/);
  });

  test('a request that is not answered ends with its signal; the answer that comes later harms nothing', async ({
    expect,
  }) => {
    const [outside, inside] = duplexPair();
    using channel = new ControlChannel(outside, () => {});
    inside.write(engineFrame(1, helloFrame()));
    await channel.hello(signal);
    const abort = new AbortController();
    const request = channel.listen(80, abort.signal);
    abort.abort(new Error('enough'));
    await expect(request).rejects.toThrow('enough');
    inside.write(engineFrame(1, encodeFrame(4, 1, Buffer.alloc(0))));
    const next = channel.listen(81, signal);
    inside.write(engineFrame(1, encodeFrame(4, 2, Buffer.alloc(0))));
    await next;
    expect(outside.destroyed).toBe(false);
  });
});

describe('streams', () => {
  test('take turns, and wait while the channel takes no more', async ({ expect }) => {
    const [outside, inside] = duplexPair();
    const opened: RelayStream[] = [];
    using _channel = new ControlChannel(outside, (_port, _peer, stream) => void opened.push(stream));
    inside.write(engineFrame(1, Buffer.concat([helloFrame(), openFrame(1), openFrame(3)])));
    while (opened.length < 2) await tick();
    for (const stream of opened) stream.end(Buffer.alloc(500_000));
    await tick();
    expect(outside.writableLength).toBeLessThan(400_000);

    const turns: number[] = [];
    const bytes = new Map<number, number>();
    const read = frameReader(({ type, id, payload }) => {
      if (type !== FRAME.data) return;
      if (turns.at(-1) !== id) turns.push(id);
      bytes.set(id, (bytes.get(id) ?? 0) + payload.length);
    });
    inside.on('data', read);
    while ((bytes.get(1) ?? 0) + (bytes.get(3) ?? 0) < 1_000_000) await tick();
    // The first filled the channel before the second had anything; from then on they alternate.
    expect(turns.slice(0, 6)).toEqual([1, 3, 1, 3, 1, 3]);
  });

  test('send no more than there is credit for, and go on when more comes', async ({ expect }) => {
    const [outside, inside] = duplexPair();
    const opened: RelayStream[] = [];
    using _channel = new ControlChannel(outside, (_port, _peer, stream) => void opened.push(stream));
    const seen = { bytes: 0, end: false };
    const read = frameReader(({ type, payload }) => {
      if (type === FRAME.data) seen.bytes += payload.length;
      if (type === FRAME.fin) seen.end = true;
    });
    inside.on('data', read);
    inside.write(engineFrame(1, Buffer.concat([helloFrame(), openFrame(1)])));
    while (opened.length < 1) await tick();
    opened[0]?.end(Buffer.alloc(WINDOW + 1_000));
    while (seen.bytes < WINDOW) await tick();
    await tick();
    expect(seen).toEqual({ bytes: WINDOW, end: false });
    const credit = Buffer.alloc(4);
    credit.writeUInt32LE(1_000);
    inside.write(engineFrame(1, encodeFrame(FRAME.credit, 1, credit)));
    while (!seen.end) await tick();
    expect(seen.bytes).toBe(WINDOW + 1_000);
  });

  test('that are reset are closed, and what comes for them later means nothing', async ({ expect }) => {
    const [outside, inside] = duplexPair();
    const opened: RelayStream[] = [];
    using channel = new ControlChannel(outside, (_port, _peer, stream) => void opened.push(stream));
    inside.write(
      engineFrame(1, Buffer.concat([helloFrame(), openFrame(1), encodeFrame(FRAME.reset, 1, Buffer.alloc(0))])),
    );
    while (opened[0]?.destroyed !== true) await tick();
    expect(opened[0].readableEnded).toBe(false);
    const late = [FRAME.data, FRAME.fin, FRAME.reset].map((type) => encodeFrame(type, 1, Buffer.from('late')));
    inside.write(engineFrame(1, Buffer.concat(late)));
    await channel.hello(signal);
    await tick();
    expect(outside.destroyed).toBe(false);
  });
});

function openFrame(id: number): Buffer {
  return encodeFrame(FRAME.open, id, Buffer.from('80 172.18.0.9 40000'));
}

test('the image is the same for the same program and another for another', async ({ expect }) => {
  const [first, again, other, arm] = await Promise.all([
    relayImage(Buffer.from('program'), 'amd64'),
    relayImage(Buffer.from('program'), 'amd64'),
    relayImage(Buffer.from('another'), 'amd64'),
    relayImage(Buffer.from('program'), 'arm64'),
  ]);
  expect(Buffer.from(first.tar).equals(Buffer.from(again.tar))).toBe(true);
  expect(first.tag).toMatch(/^localhost\/wcompose-relay:[0-9a-f]{12}$/);
  expect(new Set([first.tag, again.tag, other.tag, arm.tag]).size).toBe(3);
});
