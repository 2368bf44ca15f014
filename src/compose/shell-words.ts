/** The words of a command line: quotes and backslashes as in a POSIX shell. Undefined where a quote is not closed. */
export function shellWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let end = 0;
  for (const found of text.matchAll(PIECE)) {
    if (found.index !== end) return undefined;
    end += found[0].length;
    const piece = contents(found);
    if (piece !== undefined) word = (word ?? '') + piece;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (end !== text.length) return undefined;
  return word === undefined ? words : [...words, word];
}

/** White space, '...', "...", a character behind a backslash, plain text. */
const PIECE = /(?<space>\s+)|'(?<single>[^']*)'|"(?<double>(?:\\[\s\S]|[^"\\])*)"|\\(?<escaped>[\s\S])|[^\s'"\\]+/g;

/** Undefined for white space. */
function contents({ 0: whole, groups }: RegExpExecArray): string | undefined {
  const { space, single, double, escaped } = groups ?? {};
  if (space !== undefined) return undefined;
  // Inside double quotes a backslash stands for itself before most characters.
  return single ?? double?.replaceAll(/\\(["\\$`\n])/g, '$1') ?? escaped ?? whole;
}
