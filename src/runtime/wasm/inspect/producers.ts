import { BinaryFormatError, BinaryReader } from '../binary-reader.ts';
import type { CoreImport, Custom } from './core-module.ts';

interface Producers {
  readonly language: readonly string[];
  readonly tools: readonly string[];
}

/** What the module was written in, in a few words; empty when nothing tells. */
export function languagesOf(
  custom: readonly Custom[],
  imports: readonly Pick<CoreImport, 'module' | 'name'>[],
): readonly string[] {
  const { language, tools } = readProducers(custom);
  const tool = tools[0];
  if (language.length > 0) return [`${language.join(', ')}${tool === undefined ? '' : ` (${tool})`}`];
  const guess = GUESSES.find((row) => custom.some(row.section) || imports.some(row.imported));
  if (guess !== undefined) return [guess.language];
  return tool === undefined ? [] : [tool];
}

const GUESSES: readonly {
  readonly language: string;
  readonly section: (section: Custom) => boolean;
  readonly imported: (wanted: Pick<CoreImport, 'module' | 'name'>) => boolean;
}[] = [
  { language: 'Go', section: ({ name }) => name === 'go:buildid', imported: ({ module }) => module === 'gojs' },
  {
    language: 'AssemblyScript',
    section: () => false,
    imported: ({ module, name }) => module === 'env' && (name === 'abort' || name === 'seed'),
  },
];

/**
 * `producers`: | count x | field | count x | name | version |; fields are language, processed-by and sdk.
 * https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md
 */
function readProducers(custom: readonly Custom[]): Producers {
  const section = custom.find(({ name }) => name === 'producers');
  const language: string[] = [];
  const tools: string[] = [];
  if (section === undefined) return { language, tools };
  try {
    const reader = new BinaryReader(section.contents);
    for (let fields = reader.unsigned(); fields > 0; fields--) {
      const into = reader.name() === 'language' ? language : tools;
      for (let values = reader.unsigned(); values > 0; values--) {
        into.push(plain(`${reader.name()} ${plain(reader.name())}`));
      }
    }
  } catch (error) {
    // Custom sections may hold anything; what was read until then is still true.
    if (!(error instanceof BinaryFormatError)) throw error;
  }
  return { language, tools };
}

/** Versions carry commits and addresses of repositories in brackets; and whatever it is goes to a terminal. */
function plain(text: string): string {
  return text
    .replace(/\s*\(.*$/s, '')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 60);
}
