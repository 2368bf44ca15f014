import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { test } from 'vitest';

import { explainService } from '../../src/compose/explain.ts';
import { loadModel } from '../../src/compose/load-model.ts';
import { RUN_MODEL } from '../../src/compose/load-options.ts';

const FILES = {
  'compose.yaml': `
x-base: &base
  restart: always
include: [included.yaml]
services:
  web:
    <<: *base
    extends: {file: base.yaml, service: base}
    image: nginx:\${TAG:-latest}
    ports: ["8080:80"]
    environment:
      - KEPT=1
      - CHANGED=1
      - CALLERS
    env_file: web.env
    volumes: [./conf:/etc/conf:ro]
    depends_on: [db]
    build: .
`,
  'compose.override.yaml': `
services:
  web:
    environment: {CHANGED: "2"}
    labels: !override {a: b}
`,
  'base.yaml': `
services:
  base:
    command: serve --all
    labels: {gone: "yes"}
    user: app
`,
  'included.yaml': 'services: {db: {image: postgres, mem_limit: 1g}}',
  'web.env': 'FROM_FILE=hello',
};

async function explained(service: string): Promise<readonly string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'wc-why-'));
  try {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text);
    const project = { cwd: dir, files: [], envFiles: [], profiles: [], services: [service], stdin: async () => '' };
    const options = { ...project, env: { CALLERS: 'x' } };
    const { model } = await loadModel(options, RUN_MODEL, new AbortController().signal);
    return (await explainService(model.root, service)).map(({ path, value, source, origin }) => {
      const text = 'text' in origin ? ` <- ${origin.text}` : '';
      const shown = JSON.stringify(value).replaceAll(dir, '.');
      return `${path} = ${shown} ${source.file}:${source.line}:${source.column} ${origin.kind}${text}`;
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('each value of a service has the file, line and column that it comes from', async ({ expect }) => {
  expect(await explained('web')).toMatchInlineSnapshot(`
    [
      "build = {"context":".","dockerfile":"Dockerfile"} compose.yaml:18:12 rewritten <- .",
      "command = ["serve","--all"] base.yaml:4:14 rewritten <- serve --all",
      "depends_on.db = {"condition":"service_started","required":true} compose.yaml:17:18 written",
      "environment.CALLERS = "x" compose.yaml:14:9 environment",
      "environment.CHANGED = "2" compose.override.yaml:4:28 written",
      "environment.FROM_FILE = "hello" compose.yaml:15:15 file <- web.env",
      "environment.KEPT = "1" compose.yaml:12:9 rewritten <- KEPT=1",
      "image = "nginx:latest" compose.yaml:9:12 interpolated <- nginx:\${TAG:-latest}",
      "labels.a = "b" compose.override.yaml:5:27 written",
      "networks = {"default":null} base.yaml:3:3 implied",
      "ports[0] = {"mode":"ingress","target":80,"published":"8080","protocol":"tcp"} compose.yaml:10:13 rewritten <- 8080:80",
      "restart = "always" compose.yaml:3:12 written",
      "user = "app" base.yaml:6:11 written",
      "volumes[0] = {"type":"bind","source":"./conf","target":"/etc/conf","read_only":true,"bind":{"create_host_path":true}} compose.yaml:16:15 rewritten <- ./conf:/etc/conf:ro",
    ]
  `);
});

test('a service of an included file', async ({ expect }) => {
  expect(await explained('db')).toMatchInlineSnapshot(`
    [
      "image = "postgres" included.yaml:1:24 written",
      "mem_limit = "1073741824" included.yaml:1:45 rewritten <- 1g",
      "networks = {"default":null} included.yaml:1:16 implied",
    ]
  `);
});
