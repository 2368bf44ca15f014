import { describe, test } from 'vitest';

import type { NodeView } from '../../src/control/protocol.ts';
import type { Output } from '../../src/ui/output.ts';
import { planLine } from '../../src/ui/plan-lines.ts';

const plain: Output = { out: () => {}, err: () => {}, interactive: false, style: (_format, text) => text };

function view(op: NodeView['op'], outcome: NodeView['outcome'], more: Partial<NodeView> = {}): NodeView {
  return { id: 1, op, subject: 'service:a#1', title: 'Thing', outcome, ...more };
}

const CASES: readonly (readonly [name: string, node: NodeView, line: string | undefined])[] = [
  ['what is done', view('instance.create', 'done', { ms: 140 }), ' ✔ Thing  Created  0.1s\n'],
  ['what is quick is not announced', view('instance.create', 'running'), undefined],
  ['what may take long is announced', view('instance.await', 'running'), '   Thing  Waiting\n'],
  ['an image that is there, a module that compiles at once', view('artifact.prepare', 'done', { ms: 400 }), undefined],
  ['one that took its time', view('artifact.prepare', 'done', { ms: 2500 }), ' ✔ Thing  Ready  2.5s\n'],
  ['progress', view('artifact.prepare', 'progress', { detail: 'Pulling' }), '   Thing  Pulling\n'],
  ['a failure', view('instance.start', 'failed'), ' ✘ Thing  Error\n'],
  ['what was not started because of a failure', view('instance.start', 'skipped'), ' - Thing  Not started\n'],
  ['what was not removed because of a failure', view('network.remove', 'skipped'), ' - Thing  Not removed\n'],
  ['a step on the way to what was not started', view('instance.create', 'skipped'), undefined],
  ['what was given up', view('instance.start', 'cancelled'), undefined],
];

describe('lines of a plan', () => {
  for (const [name, node, line] of CASES) {
    test(name, ({ expect }) => {
      expect(planLine(node, plain)).toBe(line);
    });
  }
});
