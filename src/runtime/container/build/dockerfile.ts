/** One instruction of a Dockerfile, as far as errors and base images need it. */
export interface Instruction {
  /** In upper case. */
  readonly keyword: string;
  /** The rest, on one line, with single spaces. */
  readonly rest: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

/** The instructions in their order. Comments and continued lines are understood; here-documents belong to theirs. */
export function readInstructions(text: string): readonly Instruction[] {
  const lines = text.split(/\r?\n/);
  const escape = /^#\s*escape\s*=\s*`/im.test(text) ? '`' : '\\';
  const found: Instruction[] = [];
  for (let at = 0; at < lines.length; at++) {
    const first = (lines[at] ?? '').trim();
    if (first === '' || first.startsWith('#')) continue;
    const line = at + 1;
    let whole = first;
    while (whole.endsWith(escape) && at + 1 < lines.length) {
      const next = (lines[++at] ?? '').trim();
      if (next.startsWith('#')) continue;
      whole = `${whole.slice(0, -1).trimEnd()} ${next}`;
    }
    const documents = [...whole.matchAll(/<<-?(["']?)([A-Za-z_]\w*)\1/g)].map((match) => match[2]);
    for (const end of documents) {
      while (++at < lines.length && (lines[at] ?? '').trim() !== end);
    }
    const [keyword = '', ...rest] = whole.split(/\s+/);
    found.push({ keyword: keyword.toUpperCase(), rest: rest.join(' '), line });
  }
  return found;
}

/** The line of the instruction that a builder's step stands for: `[build 2/3] RUN make`. */
export function lineOfStep(text: string, step: string): number | undefined {
  const bare = step
    .replace(/^\[[^\]]*\]\s*/, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const instructions = readInstructions(text);
  const exact = instructions.find(({ keyword, rest }) => `${keyword} ${rest}` === bare);
  if (exact !== undefined) return exact.line;
  // Variables are filled in, and here-documents written out.
  const [keyword = '', second = ''] = bare.split(' ');
  const same = instructions.filter((one) => one.keyword === keyword.toUpperCase());
  const near = same.filter((one) => one.rest.split(' ')[0] === second);
  const only = near.length === 0 ? same : near;
  return only.length === 1 ? only[0]?.line : undefined;
}

/** The images that a build begins with, in their order; stages of its own and `scratch` are none. */
export function baseImages(text: string, args: Readonly<Record<string, string | null>>): readonly string[] {
  const values = new Map<string, string>();
  const stages = new Set<string>();
  const images = new Set<string>();
  let first = true;
  for (const { keyword, rest } of readInstructions(text)) {
    if (keyword === 'ARG' && first) {
      const [name = '', value] = rest.split(/=(.*)/s);
      values.set(name, args[name] ?? (value ?? '').replace(/^(["'])(.*)\1$/, '$2'));
    }
    if (keyword !== 'FROM') continue;
    first = false;
    const words = rest.split(' ').filter((word) => !word.startsWith('--'));
    const image = expand(words[0] ?? '', values);
    if (image !== '' && image !== 'scratch' && !stages.has(image.toLowerCase())) images.add(image);
    if (words[1]?.toUpperCase() === 'AS' && words[2] !== undefined) stages.add(words[2].toLowerCase());
  }
  return [...images];
}

/** `$NAME`, `${NAME}` and `${NAME:-default}`. */
function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (_all, braced: string | undefined, otherwise: string | undefined, bare: string | undefined) =>
      values.get(braced ?? bare ?? '') || (otherwise ?? ''),
  );
}
