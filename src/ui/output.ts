import { styleText } from 'node:util';

/** Where a command prints: stdout is what the user asked for, stderr is progress and diagnostics. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
  /** A person watches stdout (stderr). */
  readonly interactive: boolean;
  style(format: Parameters<typeof styleText>[0], text: string): string;
}

/** The same without colours: `--no-color`. */
export function withoutColors(output: Output): Output {
  return {
    out: (text) => output.out(text),
    err: (text) => output.err(text),
    interactive: output.interactive,
    style: (_format, text) => text,
  };
}

export interface OutputStreams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/**
 * Plain text for a pipe, for NO_COLOR and for CI; colours on a terminal. When the reader of a stream goes away
 * (`wcompose logs | head -1`), what is written to it afterwards is dropped and `closed` is called once.
 */
export function createOutput(
  streams: OutputStreams,
  env: Readonly<Record<string, string | undefined>>,
  closed: () => void,
): Output {
  const interactive = streams.stdout.isTTY && (env['CI'] ?? '') === '';
  const color = interactive && (env['NO_COLOR'] ?? '') === '';
  const write = writer(closed);
  return {
    out: (text) => write(streams.stdout, text),
    err: (text) => write(streams.stderr, text),
    interactive,
    style: (format, text) => (color ? styleText(format, text, { validateStream: false }) : text),
  };
}

function writer(closed: () => void): (stream: NodeJS.WriteStream, text: string) => void {
  const broken = new Set<NodeJS.WriteStream>();
  const watched = new Set<NodeJS.WriteStream>();
  return (stream, text) => {
    if (broken.has(stream)) return;
    if (!watched.has(stream)) {
      watched.add(stream);
      stream.on('error', (error: NodeJS.ErrnoException) => {
        // EPIPE: the reader has seen enough. EIO: the terminal was closed.
        if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
        broken.add(stream);
        closed();
      });
    }
    stream.write(text);
  };
}
