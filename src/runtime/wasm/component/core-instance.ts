import type { Parts } from './abi/parts.ts';
import type { CoreInstance } from './plan.ts';

/** Makes instances of a core module with what earlier steps have put into the slots; its result is what they export. */
export function coreInstantiation(
  module: WebAssembly.Module,
  args: readonly (readonly [name: string, from: CoreInstance])[],
): (parts: Parts) => WebAssembly.Exports {
  const memories = WebAssembly.Module.exports(module).flatMap(({ kind, name }) => (kind === 'memory' ? [name] : []));
  const given = args.map(([name, from]) => ({ name, from: 'bundle' in from ? [...from.bundle] : from.slot }));
  return (parts) => {
    const { slots } = parts;
    const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
    for (const { name, from } of given) {
      imports[name] =
        typeof from === 'number' ? (slots[from] as Record<string, WebAssembly.ImportValue>) : bundle(from, slots);
    }
    const { exports } = new WebAssembly.Instance(module, imports);
    for (const name of memories) parts.memories.push(exports[name] as WebAssembly.Memory);
    return exports;
  };
}

function bundle(
  rows: readonly (readonly [name: string, slot: number])[],
  slots: readonly unknown[],
): Record<string, WebAssembly.ImportValue> {
  const made: Record<string, WebAssembly.ImportValue> = {};
  for (const [name, slot] of rows) made[name] = slots[slot] as WebAssembly.ImportValue;
  return made;
}
