import type { NodeView, SupervisorEvent } from '../control/protocol.ts';
import type { Output } from './output.ts';

/** The words docker compose uses: while it happens, and when it is done. */
const VERBS: Readonly<Record<NodeView['op'], readonly [doing: string, done: string]>> = {
  'network.create': ['Creating', 'Created'],
  'network.remove': ['Removing', 'Removed'],
  'volume.create': ['Creating', 'Created'],
  'volume.remove': ['Removing', 'Removed'],
  'artifact.build': ['Building', 'Built'],
  'artifact.push': ['Pushing', 'Pushed'],
  'artifact.prepare': ['Preparing', 'Ready'],
  'instance.create': ['Creating', 'Created'],
  'instance.rename': ['Renaming', 'Renamed'],
  'instance.start': ['Starting', 'Started'],
  'instance.await': ['Waiting', 'Ready'],
  'instance.stop': ['Stopping', 'Stopped'],
  'instance.remove': ['Removing', 'Removed'],
};

/** What may take long is announced; everything else is told when it is done. */
const SLOW: ReadonlySet<NodeView['op']> = new Set([
  'artifact.build',
  'artifact.push',
  'artifact.prepare',
  'instance.await',
  'instance.stop',
]);
const SLOW_MS = 1_000;

/** One line for each thing that is not as it was asked for; the steps on the way to it say nothing. */
const SKIPPED: Partial<Readonly<Record<NodeView['op'], string>>> = {
  'network.remove': 'Not removed',
  'volume.remove': 'Not removed',
  'instance.start': 'Not started',
  'instance.remove': 'Not removed',
};

/** One line for a change of one plan node; undefined when there is nothing worth a line. */
export function planLine(node: NodeView, output: Output): string | undefined {
  const [doing, done] = VERBS[node.op];
  switch (node.outcome) {
    case 'running':
      return SLOW.has(node.op) && node.op !== 'artifact.prepare' ? line(' ', node.title, doing) : undefined;
    case 'progress':
      return line(' ', node.title, node.detail ?? doing);
    case 'done': {
      if (isQuiet(node)) return undefined;
      const seconds = output.style('dim', `${((node.ms ?? 0) / 1000).toFixed(1)}s`);
      return line(output.style('green', '✔'), node.title, `${done}  ${seconds}`);
    }
    case 'failed':
      return line(output.style('red', '✘'), node.title, output.style('red', 'Error'));
    case 'skipped': {
      const what = SKIPPED[node.op];
      return what === undefined ? undefined : line('-', node.title, what);
    }
    case 'cancelled':
      return undefined;
  }
}

/** A name is a step on the way; an image that is there already or a module in the cache is no news. */
function isQuiet({ op, ms }: NodeView): boolean {
  return op === 'instance.rename' || (op === 'artifact.prepare' && (ms ?? 0) < SLOW_MS);
}

/** Lines of what is new: a step that only got further would be a flood of them. */
export class ProgressNews {
  readonly #output: Output;
  readonly #withBuilds: boolean;
  readonly #last = new Map<string, string | undefined>();

  /** `withBuilds`: also what builds print. */
  constructor(output: Output, withBuilds: boolean) {
    this.#output = output;
    this.#withBuilds = withBuilds;
  }

  /** Empty where there is nothing worth a line. */
  text(event: Extract<SupervisorEvent, { type: 'node' | 'output' }>): string {
    if (event.type === 'output') return this.#withBuilds ? outputLine(event, this.#output) : '';
    const { node } = event;
    const key = `${node.op} ${node.subject} ${node.title}`;
    const isOld = node.outcome === 'progress' && this.#last.get(key) === node.detail;
    this.#last.set(key, node.detail);
    return (isOld ? undefined : planLine(node, this.#output)) ?? '';
  }
}

/** What a build printed, behind the name of its service. */
function outputLine({ subject, text }: { readonly subject: string; readonly text: string }, output: Output): string {
  return `   ${output.style('dim', `${subject.replace(/^service:/, '')} |`)} ${text}\n`;
}

function line(mark: string, title: string, text: string): string {
  return ` ${mark} ${title}  ${text}\n`;
}
