import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from 'vitest';

import { TestProject } from './project.ts';

const COMPOSE = `
services:
  web: {image: nginx}
  worker: {image: busybox, profiles: [jobs]}
`;

/** What is on the line, and what the shell makes of its last word. */
const CASES = [
  ['wcompose sta', ['start', 'stats']],
  ['wcompose up w', ['web', 'worker']],
  ['wcompose --profile=', ['jobs']],
  ['wcompose -f compose.yaml ps --format ', ['json', 'table']],
  ['wcompose --file com', ['compose.yaml']],
  ['wcompose scale wo', ['worker=']],
] as const;

const BASH = String.raw`
source <(wcompose completion bash)
while IFS= read -r line; do
  # As readline splits it.
  read -ra COMP_WORDS <<< "${'${line//=/ = }'}"
  [[ $line == *[\ =] ]] && COMP_WORDS+=('')
  COMP_CWORD=$(( ${'${#COMP_WORDS[@]}'} - 1 ))
  _wcompose 2>/dev/null
  printf '%s\n' "${'${COMPREPLY[@]}'}" | sort | paste -sd ' '
done`;

const FISH = `
wcompose completion fish | source
while read -l line
  complete -C "$line" | string replace -r '\\t.*' '' | string replace -r '^--profile=' '' | sort | paste -sd ' '
end`;

const isThere = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

describe('completion in real shells', () => {
  for (const [shell, script] of [
    ['bash', BASH],
    ['fish', FISH],
  ] as const) {
    test.skipIf(!isThere(shell))(`${shell} (skipped where it is not installed)`, async ({ expect }) => {
      await using project = new TestProject(`complete${shell}`).write({ 'compose.yaml': COMPOSE });
      const bin = join(import.meta.dirname, '../../bin/wcompose.js');
      writeFileSync(join(project.dir, 'wcompose'), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`, {
        mode: 0o755,
      });
      const { stdout, stderr } = spawnSync(shell, ['-c', script], {
        cwd: project.dir,
        input: CASES.map(([line]) => `${line}\n`).join(''),
        env: { ...process.env, HOME: project.dir, PATH: `${project.dir}${delimiter}${process.env['PATH'] ?? ''}` },
        encoding: 'utf8',
      });
      expect(stdout.trim().split('\n'), stderr).toEqual(CASES.map(([, words]) => words.join(' ')));
    });
  }
});
