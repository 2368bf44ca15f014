import { LineSplitter } from '../../../util/line-splitter.ts';
import type { BuildProgress } from '../../container-images.ts';

/** The plain progress of buildx: `#5 [2/3] RUN make`, `#5 0.412 cc -o app`, `#5 CACHED`, `#5 ERROR: …`, `ERROR: …`. */
export class PlainSteps {
  readonly #progress: BuildProgress;
  readonly #names = new Map<string, string>();
  readonly #tails = new Map<string, string[]>();
  readonly #splitter: LineSplitter;
  #failed: string | undefined;
  error: string | undefined;

  constructor(progress: BuildProgress) {
    this.#progress = progress;
    this.#splitter = new LineSplitter(({ text }) => this.#line(text));
  }

  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  end(): void {
    this.#splitter.flush();
  }

  get failedStep(): string | undefined {
    return this.#names.get(this.#failed ?? '');
  }

  get failedOutput(): readonly string[] {
    return this.#tails.get(this.#failed ?? '') ?? [];
  }

  #line(line: string): void {
    const numbered = /^#(\d+) (.*)$/.exec(line);
    if (numbered === null) this.error = /^ERROR: (.*)$/.exec(line)?.[1] ?? this.error;
    else this.#ofStep(numbered[1] ?? '', numbered[2] ?? '');
  }

  #ofStep(id: string, text: string): void {
    if (text.startsWith('ERROR')) {
      this.#failed ??= id;
      this.error ??= text.replace(/^ERROR:? ?/, '');
    } else if (/^\[[^\]]*\] /.test(text)) {
      if (!this.#names.has(id) && !text.startsWith('[internal]')) this.#progress.step(text, false);
      this.#names.set(id, text);
    } else {
      const output = /^\d+\.\d+ (.*)$/.exec(text)?.[1];
      if (output !== undefined) this.#keep(id, output);
    }
  }

  #keep(id: string, output: string): void {
    this.#tails.set(id, [...(this.#tails.get(id) ?? []).slice(1 - TAIL_LINES), output]);
    this.#progress.line(output, 'stdout');
  }
}

const TAIL_LINES = 20;
