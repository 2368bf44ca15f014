import { LineSplitter } from '../../../util/line-splitter.ts';
import type { BuildProgress } from '../../container-images.ts';
import { decodeTrace } from './trace.ts';
import type { Trace } from './trace.ts';

/** One line of the answer to a build: of BuildKit, of the classic builder, or of Podman, which speaks as the latter does. */
export interface BuildMessage {
  readonly id?: string;
  readonly stream?: string;
  readonly status?: string;
  readonly aux?: unknown;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

/** Reads the messages of one build; knows afterwards which image it made, or which step failed and what it printed. */
export class BuildMessages {
  readonly #progress: BuildProgress;
  readonly #names = new Map<string, string>();
  readonly #announced = new Set<string>();
  readonly #splitters = new Map<string, LineSplitter>();
  readonly #tails = new Map<string, string[]>();
  /** Of the classic builder, which has one step at a time. */
  #current = '';
  #failed: string | undefined;
  imageId: string | undefined;
  error: string | undefined;

  constructor(progress: BuildProgress) {
    this.#progress = progress;
  }

  take(message: BuildMessage): void {
    const error = message.errorDetail?.message ?? message.error;
    if (error !== undefined) this.error = error;
    if (message.stream !== undefined) this.#text(message.stream);
    if (message.id === 'moby.buildkit.trace' && typeof message.aux === 'string') {
      this.#trace(decodeTrace(Buffer.from(message.aux, 'base64')));
    } else if (typeof message.aux === 'object' && message.aux !== null && 'ID' in message.aux) {
      this.imageId = String(message.aux.ID);
    }
  }

  /** Lines that did not end are lines all the same. */
  end(): void {
    for (const splitter of this.#splitters.values()) splitter.flush();
  }

  /** The step that went wrong, where one is known. */
  get failedStep(): string | undefined {
    const name = this.#failed === undefined ? this.#current : this.#names.get(this.#failed);
    return name?.replace(/^\[internal\] /, '') || undefined;
  }

  /** The last lines of the failed step. */
  get failedOutput(): readonly string[] {
    return this.#tails.get(this.#failed ?? '') ?? [];
  }

  #trace(trace: Trace): void {
    for (const vertex of trace.vertexes) {
      if (vertex.name !== '') this.#names.set(vertex.digest, vertex.name);
      // A step that was cancelled because of another one's failure is not the one to show.
      if (vertex.error !== '' && !/context cancell?ed/.test(vertex.error)) this.#failed ??= vertex.digest;
      // Other vertexes are BuildKit's own business: copying the context, asking for a base image, writing the result.
      const isStep = vertex.name.startsWith('[') && !vertex.name.startsWith('[internal]');
      if (!isStep || !vertex.started || this.#announced.has(vertex.digest)) continue;
      this.#announced.add(vertex.digest);
      this.#progress.step(vertex.name, vertex.cached);
    }
    for (const log of trace.logs) this.#splitter(log.vertex, log.stream).push(log.bytes);
    for (const warning of trace.warnings) this.#progress.line(`warning: ${warning}`, 'stderr');
  }

  /** `Step 2/3 : RUN make`, and in between what the steps print. */
  #text(text: string): void {
    const step = /^(?:Step|STEP) (\d+\/\d+)\s*: (.*)$/s.exec(text.trimEnd());
    if (step !== null) {
      this.#current = `[${step[1]}] ${step[2]}`;
      this.#tails.delete('');
      this.#progress.step(this.#current, false);
      return;
    }
    const built = /^Successfully built ([0-9a-f]{12,})/.exec(text);
    if (built !== null) this.imageId ??= built[1];
    if (/^ ---> |^Removing intermediate container |^Successfully (?:built|tagged) |^\s*$/.test(text)) return;
    this.#splitter('', 'stdout').push(Buffer.from(text));
  }

  #splitter(vertex: string, stream: 'stdout' | 'stderr'): LineSplitter {
    const key = `${vertex} ${stream}`;
    const known = this.#splitters.get(key);
    if (known !== undefined) return known;
    const made = new LineSplitter((line) => {
      const tail = this.#tails.get(vertex) ?? [];
      this.#tails.set(vertex, [...tail.slice(1 - TAIL_LINES), line.text]);
      this.#progress.line(line.text, stream);
    }, MAX_LINE_BYTES);
    this.#splitters.set(key, made);
    return made;
  }
}

const TAIL_LINES = 20;
const MAX_LINE_BYTES = 16 * 1024;
