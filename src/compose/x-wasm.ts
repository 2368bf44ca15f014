import { child, itemsOf, list, scalar, textOf } from './node.ts';
import type { Node } from './node.ts';
import { duration, integer, having, listOf, objectOf, scalarOf, setOf, size, string } from './rules.ts';
import type { ExpandContext, ObjectRule } from './rules.ts';
import { oneAsList } from './short-forms.ts';

const port = having(integer, { atLeast: 1, atMost: 65_535 });

/** What a service says about running as WebAssembly, beyond the compose specification. */
export const X_WASM: ObjectRule = objectOf(
  {
    module: having(string, { path: 'file' }),
    runtime: string,
    spin: having(string, { path: 'file' }),
    build: objectOf(
      {
        command: listOf(string, { expand: shellCommand, merge: 'replace' }),
        output: having(string, { path: 'file' }),
        watch: setOf(having(string, { path: 'file' }), { expand: oneAsList }),
      },
      { closed: true, required: ['command', 'output'] },
    ),
    interface: scalarOf('string', { oneOf: ['auto', 'command', 'sockets', 'http', 'cgi'] }),
    engine: scalarOf('string', { oneOf: ['native', 'wasmer'] }),
    isolation: scalarOf('string', { oneOf: ['worker', 'shared', 'process'] }),
    listen_fd: having(integer, { atLeast: 3, print: 'keep' }),
    connect: setOf(string, { check: targets }),
    outbound: setOf(string, { expand: noneAsList, print: 'keep' }),
    cgi: objectOf(
      {
        concurrency: having(integer, { atLeast: 1, atMost: 4096 }),
        queue: having(integer, { atLeast: 0, print: 'keep' }),
        timeout: duration,
        body_limit: size,
        root: string,
        script: string,
      },
      { closed: true, check: absolutePaths },
    ),
    http: objectOf({ instances: scalarOf('string', { oneOf: ['per-request', 'kept'] }) }, { closed: true }),
    swap: scalarOf('string', { oneOf: ['overlap', 'restart'] }),
    healthcheck: objectOf(
      {
        http: objectOf({ port, path: string }, { closed: true, required: ['port'], defaults: { path: '/' } }),
        tcp: objectOf({ port }, { closed: true, required: ['port'] }),
      },
      { closed: true, check: oneProbe },
    ),
  },
  { closed: true },
);

/** A text is for a shell; a list of words is run as it is. */
function shellCommand(node: Node): Node {
  if (textOf(node) === undefined) return node;
  return list([scalar('/bin/sh', node.at), scalar('-c', node.at), node], node.at);
}

/** `outbound: none`: nothing outside of the networks. */
function noneAsList(node: Node, context: ExpandContext): Node {
  if (node.kind !== 'scalar') return node;
  if (node.value === 'none') return { kind: 'list', items: [], at: node.at };
  context.error(node, "must be 'none' or a list of host:port");
  return node;
}

/** `host:port` of one place; there is nobody who could choose among several. */
export function connectTarget(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^([a-z\d](?:[a-z\d._-]*[a-z\d])?):(\d{1,5})$/i.exec(text);
  const number = Number(match?.[2]);
  return match?.[1] === undefined || number < 1 || number > 65_535 ? undefined : { host: match[1], port: number };
}

function targets(node: Node, context: ExpandContext): void {
  for (const item of itemsOf(node)) {
    const text = textOf(item) ?? '';
    if (connectTarget(text) !== undefined) continue;
    context.error(item, `"${text}" is no host:port`, 'name a service and the port it listens on, as in db:5432');
  }
}

/** They are the guest's, so there is nothing that they could be relative to. */
function absolutePaths(node: Node, context: ExpandContext): void {
  for (const key of ['root', 'script']) {
    const value = child(node, key);
    if (value !== undefined && textOf(value)?.startsWith('/') !== true) {
      context.error(value, `${key} must be an absolute path of the module's files`);
    }
  }
  const [root, script] = ['root', 'script'].map((key) => textOf(child(node, key)));
  if (root !== undefined && script !== undefined && !script.startsWith(`${root.replace(/\/+$/, '')}/`)) {
    context.error(node, `the script must be below root: ${root}`);
  }
}

function oneProbe(node: Node, context: ExpandContext): void {
  if ((child(node, 'http') === undefined) === (child(node, 'tcp') === undefined)) {
    context.error(node, 'needs exactly one of http and tcp');
  }
}
