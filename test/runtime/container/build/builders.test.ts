import { describe, test } from 'vitest';

import type { ImageBuild } from '../../../../src/model/image-build.ts';
import type { ImageBuildRequest } from '../../../../src/runtime/container-images.ts';
import { buildQuery } from '../../../../src/runtime/container/build/build-query.ts';
import { buildxArguments } from '../../../../src/runtime/container/build/buildx.ts';
import { chooseBuilder } from '../../../../src/runtime/container/build/choose-builder.ts';
import { baseImages, lineOfStep } from '../../../../src/runtime/container/build/dockerfile.ts';
import { PlainSteps } from '../../../../src/runtime/container/build/plain-steps.ts';
import { BuildMessages } from '../../../../src/runtime/container/build/progress.ts';
import { imageBuild } from '../../../plan/fixtures.ts';

const newest = { hasBuildKit: true, takesLimits: true };

function request(over: Partial<ImageBuild> = {}, more: Partial<ImageBuildRequest> = {}): ImageBuildRequest {
  return {
    service: 'web',
    build: imageBuild(over),
    options: {},
    tags: ['shop-web'],
    labels: {},
    platforms: [],
    environment: {},
    serviceImages: { base: 'shop-base' },
    ...more,
  };
}

describe('who builds', () => {
  const cases: readonly (readonly [string, Partial<ImageBuild>, object])[] = [
    ['nothing special', {}, { kind: 'buildkit' }],
    ['a network of the host', { network: 'host' }, { kind: 'buildkit' }],
    ['a network by name', { network: 'lan' }, { kind: 'classic' }],
    ['layers of a registry', { cacheFrom: ['a/b', 'type=registry,ref=c/d'] }, { kind: 'buildkit' }],
    ['layers of a cache elsewhere', { cacheFrom: ['type=gha'] }, { kind: 'buildx', because: ['cache_from'] }],
    ['a secret', { secrets: [{ id: 's', file: '/s' }] }, { kind: 'buildx', because: ['secrets'] }],
    ['a key', { ssh: { default: null } }, { kind: 'buildx', because: ['ssh'] }],
    ['another context', { additionalContexts: { a: '/a' } }, { kind: 'buildx', because: ['additional_contexts'] }],
    ['no provenance', { provenance: 'false' }, { kind: 'buildkit' }],
  ];
  for (const [what, over, expected] of cases) {
    test(what, ({ expect }) => {
      expect(chooseBuilder(request(over), newest)).toEqual(expected);
    });
  }

  test('an Engine without BuildKit, and one whose BuildKit takes no limits', ({ expect }) => {
    expect(chooseBuilder(request(), { hasBuildKit: false, takesLimits: false }).kind).toBe('classic');
    expect(chooseBuilder(request({ shmBytes: 1 }), { hasBuildKit: true, takesLimits: false }).kind).toBe('classic');
    expect(chooseBuilder(request({ shmBytes: 1 }), newest).kind).toBe('buildkit');
  });
});

const everything: Partial<ImageBuild> = {
  args: { A: '1', B: null },
  labels: { l: 'v' },
  target: 'run',
  network: 'host',
  shmBytes: 64,
  extraHosts: ['a:1.2.3.4', 'b:5.6.7.8'],
  ulimits: { nofile: { soft: 1, hard: 2 } },
  cacheFrom: ['type=registry,ref=c/d'],
  noCache: true,
  pull: true,
};

test('everything that the Engine is told', ({ expect }) => {
  const context = { kind: 'remote', url: 'https://example.com/r.git', dockerfile: 'D' } as const;
  const query = buildQuery(request(everything, { tags: ['a', 'b'], platforms: ['linux/arm64'] }), context, 'buildkit');
  expect([...query].map(([name, value]) => `${name}=${value}`)).toEqual([
    'version=2',
    'rm=1',
    'forcerm=1',
    't=a',
    't=b',
    'dockerfile=D',
    'remote=https://example.com/r.git',
    'target=run',
    'nocache=1',
    'pull=1',
    'networkmode=host',
    'shmsize=64',
    'platform=linux/arm64',
    'buildargs={"A":"1","B":null}',
    'labels={"l":"v"}',
    'cachefrom=["c/d"]',
    'ulimits=[{"Name":"nofile","Soft":1,"Hard":2}]',
    'extrahosts=a:1.2.3.4,b:5.6.7.8',
  ]);
});

test('everything that buildx is told', ({ expect }) => {
  const over = {
    ...everything,
    context: '/ctx',
    dockerfile: 'D',
    additionalContexts: { base: 'service:base', more: '/more' },
    secrets: [
      { id: 's', file: '/s' },
      { id: 't', environment: 'TOKEN' },
    ],
    ssh: { default: null },
    privileged: true,
  };
  expect(buildxArguments(request(over), '/id').join(' ')).toBe(
    'buildx build --progress=plain --load --iidfile=/id --file /ctx/D --tag shop-web --build-arg A=1 --build-arg B ' +
      '--label l=v --target run --network host --shm-size 64 --add-host a:1.2.3.4 --add-host b:5.6.7.8 ' +
      '--ulimit nofile=1:2 --cache-from type=registry,ref=c/d --build-context base=docker-image://shop-base ' +
      '--build-context more=/more --secret id=s,src=/s --secret id=t,env=TOKEN --ssh default ' +
      '--allow security.insecure --no-cache --pull /ctx',
  );
});

const DOCKERFILE = `# syntax=docker/dockerfile:1
ARG BASE=alpine TAG
ARG TAG=3
FROM --platform=$BUILDPLATFORM golang:\${TAG:-1} AS build
RUN go build \\
    # a comment in between
    -o /app
FROM build AS test
FROM scratch
COPY --from=build /app /
RUN <<END
FROM nothing
END
RUN echo $HOME
`;

test('the images that a Dockerfile begins with', ({ expect }) => {
  expect(baseImages(DOCKERFILE, { TAG: '2' })).toEqual(['golang:2']);
});

describe('the line of a step', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['[build 2/2] RUN go build -o /app', 5],
    ['[stage-2 1/3] COPY --from=build /app /', 10],
    ['[3/3] RUN echo /root', 14],
    ['[internal] load metadata', undefined],
  ];
  for (const [step, line] of cases) {
    test(step, ({ expect }) => {
      expect(lineOfStep(DOCKERFILE, step)).toBe(line);
    });
  }
});

/** Field `number` with these bytes, or this number. */
function field(number: number, value: string | number): Buffer {
  if (typeof value === 'number') return Buffer.from([number * 8, value]);
  return message(number, Buffer.from(value));
}

function message(number: number, bytes: Buffer): Buffer {
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
}

function vertex(digest: string, name: string, more: readonly Buffer[] = []): Buffer {
  return message(1, Buffer.concat([field(1, digest), field(3, name), field(5, ''), ...more]));
}

function log(digest: string, text: string): Buffer {
  return message(3, Buffer.concat([field(1, digest), field(3, 1), field(4, text)]));
}

test('what BuildKit tells while it works', ({ expect }) => {
  const told: string[] = [];
  const messages = new BuildMessages({
    step: (name, cached) => told.push(`${name}${cached ? ' cached' : ''}`),
    line: (text, stream) => told.push(`${stream}: ${text}`),
  });
  const trace = (...parts: readonly Buffer[]): void =>
    messages.take({ id: 'moby.buildkit.trace', aux: Buffer.concat(parts).toString('base64') });
  trace(vertex('x', '[internal] load build definition'), vertex('a', '[1/2] FROM scratch', [field(4, 1)]));
  trace(vertex('b', '[2/2] RUN make'), log('b', 'cc é'.repeat(60)));
  trace(log('b', '!\nhalf'));
  trace(vertex('b', '[2/2] RUN make', [field(7, 'exit code: 2')]), Buffer.from([0xff, 0xff]));
  messages.take({ errorDetail: { message: 'failed to solve: exit code: 2' } });
  messages.end();
  expect(told).toEqual([
    '[1/2] FROM scratch cached',
    '[2/2] RUN make',
    `stdout: ${'cc é'.repeat(60)}!`,
    'stdout: half',
  ]);
  expect(messages).toMatchObject({ failedStep: '[2/2] RUN make', failedOutput: [expect.any(String), 'half'] });
});

test('what buildx tells while it works', ({ expect }) => {
  const told: string[] = [];
  const steps = new PlainSteps({ step: (name) => told.push(name), line: (text) => told.push(`  ${text}`) });
  const output = [
    '#1 [internal] load build definition from Dockerfile',
    '#5 [2/3] RUN make',
    '#5 0.412 cc -o app',
    '#5 [2/3] RUN make',
    '#5 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2',
    'ERROR: failed to solve: exit code: 2',
  ];
  for (const line of output) steps.push(Buffer.from(`${line}\n`));
  steps.end();
  expect(told).toEqual(['[2/3] RUN make', '  cc -o app']);
  expect(steps.failedStep).toBe('[2/3] RUN make');
  expect(steps.failedOutput).toEqual(['cc -o app']);
  expect(steps.error).toBe('failed to solve: exit code: 2');
});
