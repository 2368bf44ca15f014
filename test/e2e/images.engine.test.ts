import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, test } from 'vitest';

import { docker, TestProject } from './project.ts';

const module = readFileSync(fileURLToPath(new URL('../../examples/hello-wasm/hello.wasm', import.meta.url)));

const COMPOSE = `
services:
  web:
    build: {context: ./web, args: {WHO: me}, labels: {shop: books}}
    command: [sleep, "600"]
    network_mode: none
    stop_grace_period: 0s
  api:
    platform: wasi/wasm
    build:
      context: ./api
      dockerfile_inline: |
        FROM scratch
        COPY hello.wasm /app/bin/hello.wasm
        ENV PATH=/app/bin GREETING=hey
        WORKDIR /app
        ENTRYPOINT ["hello.wasm"]
    ports: ["127.0.0.1::8080"]
`;
const DOCKERFILE = `FROM wcompose-test/busybox:latest
ARG WHO
COPY . /data
RUN echo "built for $WHO"
`;

describe('services that are built', () => {
  const project = new TestProject('images').write({
    'compose.yaml': COMPOSE,
    'web/Dockerfile': DOCKERFILE,
    'web/a.txt': 'one',
    'api/hello.wasm': module,
  });
  const image = (service: string): string => `${project.name}-${service}`;

  afterAll(async () => {
    await project[Symbol.asyncDispose]();
    for (const service of ['web', 'api']) await docker('rmi', '-f', image(service)).catch(() => '');
  });

  test('a dry run says what would be built', async ({ expect }) => {
    const { stdout } = await project.run('up', '--dry-run');
    expect(stdout).toContain('service:web, artifact.build, not there');
    expect(stdout).toContain('service:api, artifact.build, not there');
  });

  test('up builds what is missing: a container, and a module with its image around it', async ({ expect }) => {
    const up = await project.run('up', '-d');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(up.stderr).toMatch(/\[\d\/\d\] RUN echo "built for \$?(?:me|WHO)"/);
    expect(await project.ps()).toMatchObject([
      { Service: 'api', Kind: 'wasm', State: 'running' },
      { Service: 'web', Kind: 'container', State: 'running' },
    ]);
    const { stdout } = await project.run('port', 'api', '8080');
    expect(await (await fetch(`http://${stdout.trim()}/`)).text()).toContain('hello');
    const labels = JSON.parse(await docker('inspect', '-f', '{{json .Config.Labels}}', image('web'))) as object;
    expect(labels).toMatchObject({
      'com.docker.compose.project': project.name,
      'com.docker.compose.service': 'web',
      shop: 'books',
    });
  });

  test('another up builds nothing; --build makes anew only what came out otherwise', async ({ expect }) => {
    const again = await project.run('up', '-d');
    expect(again.stderr).not.toContain('Building');
    project.write({ 'web/a.txt': 'two' });
    const built = await project.run('up', '-d', '--build');
    expect(built, built.stderr).toMatchObject({ code: 0 });
    expect(built.stderr).toContain(`Container ${project.name}-web-1  Created`);
    expect(built.stderr).not.toContain(`Wasm ${project.name}-api-1  Created`);
  });

  test('a build that fails shows the step, its line and what it printed, and leaves what runs', async ({ expect }) => {
    project.write({ 'web/Dockerfile': `${DOCKERFILE}RUN echo compiling; echo "a.c:1: error" >&2; exit 3\n` });
    const failed = await project.run('build', 'web');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('cannot build web: step [4/4] RUN echo compiling');
    expect(failed.stderr).toContain('exit code 3');
    expect(failed.stderr).toContain('a.c:1: error');
    expect(failed.stderr).toContain('web/Dockerfile:5:1');
    expect(await project.ps()).toMatchObject([{ State: 'running' }, { State: 'running' }]);
  });

  test('what needs buildx says so where it is not installed', async ({ expect }) => {
    const installed = await docker('buildx', 'version').then(
      () => true,
      () => false,
    );
    project.write({
      'compose.yaml': COMPOSE.replace('labels:', 'secrets: [token], labels:').concat(
        'secrets: {token: {environment: TOKEN}}\n',
      ),
    });
    const { stderr } = await project.run('build', 'web');
    if (!installed)
      expect(stderr).toContain('cannot build web: build.secrets needs docker buildx, which is not installed');
    else expect(stderr).not.toContain('needs docker buildx');
  });
});
