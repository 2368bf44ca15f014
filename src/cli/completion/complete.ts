import type { Command, Option } from 'commander';

/** What a word may go on with; the shell is asked for files itself. */
export interface Completions {
  readonly candidates: readonly Candidate[];
  readonly files: 'none' | 'files' | 'directories';
}

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** Names that only the compose file knows. `before`: the words before the command, which choose the file. */
export type NameSource = (kind: 'services' | 'profiles', before: readonly string[]) => Promise<readonly string[]>;

/** What the last of the words, the one that is being typed, may become. The words begin after `wcompose`. */
export async function complete(program: Command, words: readonly string[], names: NameSource): Promise<Completions> {
  const current = words.at(-1) ?? '';
  const place = findPlace(program, words.slice(0, -1));
  const { command, before } = place;
  const starting = (candidates: readonly Candidate[]): Completions => ({
    candidates: candidates.filter(({ value }) => value.startsWith(current)),
    files: 'none',
  });
  const source = async (kind: 'services' | 'profiles'): Promise<readonly Candidate[]> =>
    (await names(kind, before)).map((value) => ({ value, description: kind === 'services' ? 'service' : 'profile' }));
  if (place.option !== undefined) return await valuesOf(place.option, '', starting, source);
  const equals = current.startsWith('--') ? current.indexOf('=') : -1;
  if (equals > 0 && !place.isPlain) {
    const option = optionsOf(command).find(({ long }) => long === current.slice(0, equals));
    if (option === undefined) return starting([]);
    return await valuesOf(option, current.slice(0, equals + 1), starting, source);
  }
  if (current.startsWith('-') && !place.isPlain) {
    return starting(optionsOf(command).flatMap((option) => flagsOf(option)));
  }
  if (command === program) return starting(place.positional.length > 0 ? [] : commandsOf(program));
  if (command.name() === 'help') return starting(place.positional.length > 0 ? [] : commandsOf(program));
  return await argumentsOf(command, { ...place, current }, starting, source);
}

type Starting = (candidates: readonly Candidate[]) => Completions;
type Source = (kind: 'services' | 'profiles') => Promise<readonly Candidate[]>;

interface Place {
  readonly command: Command;
  /** Of the command, before the current word. */
  readonly positional: readonly string[];
  /** The current word is its value. */
  readonly option?: Option | undefined;
  readonly before: readonly string[];
  /** The current word is no option, whatever it begins with. */
  readonly isPlain: boolean;
}

function findPlace(program: Command, words: readonly string[]): Place {
  let command = program;
  let before: readonly string[] = [];
  let isPlain = false;
  const positional: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!isPlain && word === '--') isPlain = true;
    else if (!isPlain && word.startsWith('-') && word !== '-') {
      const option = optionsOf(command).find(({ short, long }) => word === short || word === long);
      if (option === undefined || !takesValue(option)) continue;
      if (at === words.length - 1) return { command, positional, option, before, isPlain };
      at++;
    } else if (command === program) {
      const all = program.createHelp().visibleCommands(program);
      const found = all.find((one) => one.name() === word || one.aliases().includes(word));
      if (found === undefined) return { command: program, positional: [word], before, isPlain: true };
      command = found;
      before = words.slice(0, at);
    } else {
      positional.push(word);
      // What follows belongs to the command that is run.
      if (PASSES_THROUGH.has(command.name()) && positional.length > 0) isPlain = true;
    }
  }
  return { command, positional, before, isPlain };
}

const PASSES_THROUGH: ReadonlySet<string> = new Set(['exec', 'run']);

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function flagsOf({ long, short, description }: Option): readonly Candidate[] {
  return [{ value: long ?? short ?? '', description }];
}

function commandsOf(program: Command): readonly Candidate[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((one) => ({ value: one.name(), description: one.description() }));
}

async function valuesOf(option: Option, prefix: string, starting: Starting, source: Source): Promise<Completions> {
  const prefixed = (candidates: readonly Candidate[]): Completions =>
    starting(candidates.map(({ value, description }) => ({ value: `${prefix}${value}`, description })));
  if (option.argChoices !== undefined) {
    return prefixed(option.argChoices.map((value) => ({ value, description: option.description })));
  }
  const value = /<([\w-]+)>/.exec(option.flags)?.[1] ?? '';
  if (option.long === '--profile') return prefixed(await source('profiles'));
  if (value === 'service' || value === 'services') return prefixed(await source('services'));
  if (option.long?.endsWith('-directory') === true) return { candidates: [], files: 'directories' };
  return { candidates: [], files: value === 'path' || value === 'file' ? 'files' : 'none' };
}

async function argumentsOf(
  command: Command,
  { positional, current }: { readonly positional: readonly string[]; readonly current: string },
  starting: Starting,
  source: Source,
): Promise<Completions> {
  const declared = command.registeredArguments;
  const argument = declared[positional.length] ?? declared.findLast((one) => one.variadic);
  if (argument === undefined) return starting([]);
  if (argument.argChoices !== undefined) {
    return starting(argument.argChoices.map((value) => ({ value, description: argument.description })));
  }
  switch (argument.name()) {
    case 'service':
    case 'services': {
      const free = (await source('services')).filter(({ value }) => !positional.includes(value));
      return starting(free);
    }
    case 'service=number': {
      const all = await source('services');
      return starting(all.map(({ value, description }) => ({ value: `${value}=`, description })));
    }
    case 'source':
    case 'destination': {
      if (current.includes(':')) return starting([]);
      const all = (await source('services')).map(({ value, description }) => ({ value: `${value}:`, description }));
      return { ...starting(all), files: 'files' };
    }
    case 'file|service|image':
      return { ...starting(await source('services')), files: 'files' };
    case 'command':
      return { candidates: [], files: 'files' };
    default:
      return starting([]);
  }
}
