import { WcError } from '../../model/diagnostic.ts';
import type { WasmService } from '../../model/project.ts';
import { type Dialect, dialectOf, type WantedImport } from './dialects.ts';

/**
 * Throws ERR_MODULE_IMPORTS, with every name that is missing, where it comes from and what to do, before anything of
 * the module runs.
 */
export function checkImports(service: WasmService, imports: readonly WantedImport[]): void {
  const missing = missingImports(imports);
  if (missing.length === 0) return;
  const groups = Map.groupBy(missing, ({ dialect }) => dialect.name);
  const told = [...groups].map(([name, group]) => `${shorten(group.map((one) => one.name))} (${name})`);
  throw new WcError(
    'ERR_MODULE_IMPORTS',
    `${service.name}: the module imports what the host does not have: ${told.join('; ')}`,
    {
      source: service.source,
      hint: [...new Set(missing.map(({ dialect }) => dialect.hint))].join('; '),
    },
  );
}

export interface Missing {
  /** `module.name` */
  readonly name: string;
  readonly dialect: Dialect;
}

/** Each name once. */
export function missingImports(imports: readonly WantedImport[]): readonly Missing[] {
  const missing = new Map<string, Missing>();
  for (const wanted of imports) {
    const dialect = dialectOf(wanted);
    const name = `${wanted.module}.${wanted.name}`;
    if (!dialect.isProvided) missing.set(name, { name, dialect });
  }
  return [...missing.values()];
}

const SHOWN = 10;

function shorten(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}
