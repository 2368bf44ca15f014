import { WcError } from '../model/diagnostic.ts';
import { FILE } from './attributes.ts';
import { canonical } from './canonical.ts';
import { applyExtends } from './extends.ts';
import { readIncludes } from './include.ts';
import { interpolate } from './interpolate.ts';
import { merge, withoutTagged } from './merge.ts';
import { child, withKeys } from './node.ts';
import type { MapNode, Node } from './node.ts';
import { fillEnvironments, withBuildContexts } from './normalize.ts';
import { parseYaml } from './parse-yaml.ts';
import { errorAt } from './problems.ts';
import type { ReadContext } from './read-context.ts';
import { resolvePaths } from './resolve-paths.ts';
import type { SourceFile } from './source-file.ts';

/**
 * The files merged into one model, later ones over earlier ones, in canonical form and with complete paths. For each
 * document: variables, short forms, `include`, `extends`, merge.
 */
export async function readModel(files: readonly SourceFile[], context: ReadContext): Promise<MapNode> {
  let model: MapNode | undefined;
  for (const file of files) {
    for (const document of await parseYaml(file)) {
      const own = readDocument(document, file, context);
      const included = await readIncludes(own, file, context, readModel);
      const whole = included === undefined ? own : asMap(merge(included, own, FILE));
      const extended = await applyExtends(whole, file, context);
      // A service that extends another has lost its tags, so the files before are cleared by the document as it was.
      const before = model === undefined ? undefined : withoutTagged(model, own);
      model = withKeys(asMap(merge(before, extended, FILE)), { include: undefined, version: undefined });
      context.problems.throwErrors();
    }
  }
  if (model === undefined || model.entries.size === 0) {
    throw new WcError('ERR_COMPOSE_INVALID', `empty compose file: ${files.map((file) => file.name).join(', ')}`);
  }
  const built = withBuildContexts(model);
  if (context.included.length === 0) return context.model.resolvePaths ? completePaths(built, context) : built;
  // What an included project takes from its environment it takes from its own, and its paths are its own.
  return fillEnvironments(completePaths(built, context), context.environment.lookup);
}

function completePaths(model: MapNode, context: ReadContext): MapNode {
  return asMap(resolvePaths(model, FILE, context.directory));
}

function readDocument(document: Node, file: SourceFile, context: ReadContext): MapNode {
  const { problems, model } = context;
  if (document.kind !== 'map') throw errorAt(document.at, [], 'top-level object must be a mapping');
  const filled = model.interpolate ? interpolate(document, [], context.environment.lookup, problems) : document;
  const own = canonical(filled, FILE, [], { problems, raw: !model.interpolate });
  const version = child(own, 'version');
  if (version !== undefined) {
    problems.warn(`${file.name}: the attribute \`version\` is obsolete and is ignored; please remove it`, version.at, [
      'version',
    ]);
  }
  problems.throwErrors();
  return asMap(own);
}

/** The top of a file stays a mapping, whatever is done to it. */
function asMap(node: Node | undefined): MapNode {
  if (node?.kind === 'map') return node;
  throw new TypeError('the model is no mapping');
}
