import type { Node } from './node.ts';
import type { Rule } from './rules.ts';

/**
 * Results of one walk over nodes that may be shared: an anchor's node is converted once for each rule, however often it
 * is used, so that a walk takes time by the text and not by what the aliases stand for.
 */
export class Memo {
  readonly #byRule = new Map<Rule, Map<Node, Node>>();

  get(node: Node, rule: Rule, convert: () => Node): Node {
    if (node.shared !== true) return convert();
    let known = this.#byRule.get(rule);
    if (known === undefined) this.#byRule.set(rule, (known = new Map<Node, Node>()));
    const before = known.get(node);
    if (before !== undefined) return before;
    const result = convert();
    known.set(node, result);
    return result;
  }
}
