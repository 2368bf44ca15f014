import type { Slot } from './abi/parts.ts';
import type { Step } from './plan.ts';

/*
 * What a core module imports and what needs that module's memory cannot both be first. wit-component solves this with
 * two small modules: a shim, whose functions "0", "1", ... call what is at their place of its table, and fixups, which
 * fill the table when everything is there. We make such functions before there is a memory, so that neither is needed:
 * two instances fewer for each request, and calls that go straight to the host.
 */
const TABLE = '$imports';
const NUMBER = /^\d+$/;

/** A shim on the way through the plan. */
export interface Shim {
  /** The step that makes its instance. */
  readonly made: PlannedStep;
  readonly names: readonly string[];
  /** What was taken of it. */
  readonly taken: { readonly name: string; readonly step: PlannedStep }[];
}

/** A step that may yet turn out not to be needed, or to be something else. */
export interface PlannedStep {
  readonly slot: Slot;
  run: Step | undefined;
  /** It needs nothing that other steps make. */
  readonly isFirst: boolean;
}

/** The names of its functions, when the module is a shim. */
export function shimNames(module: WebAssembly.Module): readonly string[] | undefined {
  if (WebAssembly.Module.imports(module).length > 0) return undefined;
  const exports = WebAssembly.Module.exports(module);
  const names = exports.flatMap(({ kind, name }) => (kind === 'function' && NUMBER.test(name) ? [name] : []));
  const hasTable = exports.some(({ kind, name }) => kind === 'table' && name === TABLE);
  return hasTable && names.length === exports.length - 1 ? names : undefined;
}

/** Whether the module does nothing but fill the table of a shim with these functions. */
export function isFixups(module: WebAssembly.Module, names: readonly string[]): boolean {
  if (WebAssembly.Module.exports(module).length > 0) return false;
  const imports = WebAssembly.Module.imports(module).map(({ name }) => name);
  return imports.length === names.length + 1 && [...names, TABLE].every((name) => imports.includes(name));
}

/** Leaves the shim out: what was taken of it is what the fixups would have put there. */
export function bypass(shim: Shim, filled: ReadonlyMap<string, Slot>): void {
  shim.made.run = undefined;
  for (const { name, step } of shim.taken) {
    const from = filled.get(name);
    step.run =
      from === undefined
        ? undefined
        : ({ slots }) => {
            slots[step.slot] = slots[from];
          };
  }
}

/** The steps in their order, those first that the others may need and that need nothing. */
export function orderSteps(steps: readonly PlannedStep[]): readonly Step[] {
  const first = steps.filter(({ isFirst }) => isFirst);
  const rest = steps.filter(({ isFirst }) => !isFirst);
  return [...first, ...rest].flatMap(({ run }) => (run === undefined ? [] : [run]));
}
