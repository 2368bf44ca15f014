import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { execa } from 'execa';
import { describe, test } from 'vitest';

import { IMAGE, MixedProject } from './faults.ts';
import { lacksForPrivateEngine, PrivateEngine } from './private-engine.ts';
import { eventually } from './project.ts';

const lacks = await lacksForPrivateEngine();

/** Asks one after the other, and prints a letter for each: o answered by the Wasm service, x not answered. */
const CLIENT = `
const url = process.argv[1];
for (;;) {
  let letter = 'x';
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(20_000) });
    if ([200, 502].includes(answer.status)) letter = 'o';
    await answer.text();
  } catch (error) {
    process.stderr.write(String(error.cause ?? error) + '\\n');
  }
  process.stdout.write(letter);
  await new Promise((resolve) => setTimeout(resolve, 20));
}`;

/** A client on the host, in the Engine's network namespace. */
class Client implements Disposable {
  said = '';
  errors = '';
  readonly #child;

  constructor(engine: PrivateEngine, url: string) {
    const [file, ...rest] = [...engine.inside, process.execPath, '--input-type=module', '-e', CLIENT, url];
    this.#child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
  }

  /** Resolves when it has been answered so many times more. */
  async answered(times: number): Promise<void> {
    const wanted = this.said.length + times;
    while (this.said.length < wanted) await once(this.#child.stdout, 'data');
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

describe.skipIf(lacks !== undefined)(`an Engine of one's own${lacks === undefined ? '' : ` (needs ${lacks})`}`, () => {
  test('is killed: Wasm services go on; it comes back: names work both ways again, and nothing is doubled', async ({
    expect,
  }) => {
    await using engine = await PrivateEngine.open([IMAGE]);
    await using project = await MixedProject.openAt(engine, 'killed');
    const url = `http://127.0.0.1:${project.port}/`;
    const wget = async (): Promise<string> =>
      await engine.docker('exec', project.box, 'timeout', '5', 'wget', '-q', '-O', '-', 'http://gate:8080/');
    const fromHost = async (): Promise<string> => {
      const [file, ...rest] = [...engine.inside, process.execPath, '-e', FETCH, url];
      return (await execa(file, rest)).stdout;
    };
    const bothWays = async (): Promise<void> =>
      await eventually(async () => expect(await Promise.all([fromHost(), wget()])).toEqual(['echo', 'echo']), 120_000);

    const up = await project.run('up', '-d', '--wait');
    expect(up, up.stderr).toMatchObject({ code: 0 });
    await bothWays();
    const pid = project.supervisorPid();
    using client = new Client(engine, url);
    await client.answered(5);
    await engine.kill();
    await client.answered(20);
    await engine.start();
    await bothWays();
    await client.answered(5);
    expect(client.said, client.errors).not.toContain('x');

    expect(project.supervisorPids()).toEqual([pid]);
    const again = await project.run('up', '-d', '--wait');
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect((await engine.docker('ps', '-a', '--format', '{{.Names}}')).split('\n').toSorted()).toEqual([
      project.box,
      project.relay,
    ]);
    const networks = await engine.docker('network', 'ls', '--filter', 'driver=bridge', '--format', '{{.Name}}');
    expect(networks.split('\n').toSorted()).toEqual(['bridge', `${project.name}_own`, `${project.name}_shared`]);
    expect(await project.run('down', '-v', '-t', '1')).toMatchObject({ code: 0 });
    expect(await engine.docker('ps', '-aq')).toBe('');
    expect(await engine.docker('volume', 'ls', '-q')).toBe('');
    await eventually(async () => expect(await project.leftovers()).toEqual([]));
  });
});

const FETCH = 'fetch(process.argv[1]).then((answer) => answer.text()).then((text) => process.stdout.write(text))';
