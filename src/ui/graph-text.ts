import type { GraphService, ProjectGraph } from '../model/project-graph.ts';

export type GraphFormat = 'text' | 'mermaid' | 'dot' | 'json';

export function formatGraph(graph: ProjectGraph, format: GraphFormat): string {
  switch (format) {
    case 'text':
      return graphText(graph);
    case 'mermaid':
      return graphMermaid(graph);
    case 'dot':
      return graphDot(graph);
    case 'json':
      return `${JSON.stringify(graph)}\n`;
  }
}

/** A tree below each service that nothing depends on; one that was shown already is only named again. */
function graphText(graph: ProjectGraph): string {
  const byName = new Map(graph.services.map((service) => [service.name, service]));
  const needed = new Set(graph.services.flatMap(({ dependsOn }) => dependsOn.map(({ service }) => service)));
  const shown = new Set<string>();
  const lines = [graph.name];
  const add = (service: GraphService, how: string, prefix: string, isLast: boolean): void => {
    const isOld = shown.has(service.name);
    shown.add(service.name);
    const about = isOld ? ' (see above)' : ` [${service.kind}] ${service.status}${placesOf(service)}`;
    lines.push(`${prefix}${isLast ? '└─ ' : '├─ '}${service.name}${how}${about}`);
    if (isOld) return;
    const below = `${prefix}${isLast ? '   ' : '│  '}`;
    const children = service.dependsOn.flatMap((one) => {
      const found = byName.get(one.service);
      return found === undefined ? [] : [{ found, one }];
    });
    for (const [at, { found, one }] of children.entries()) {
      const optional = one.required ? '' : ', optional';
      add(found, ` (${one.condition}${optional})`, below, at === children.length - 1);
    }
  };
  const roots = graph.services.filter(({ name }) => !needed.has(name));
  for (const [at, service] of roots.entries()) add(service, '', '', at === roots.length - 1);
  const resources = (title: string, list: ProjectGraph['networks']): void => {
    if (list.length > 0) lines.push('', `${title}:`);
    for (const { key, name, external } of list) {
      const users = graph.services
        .filter((service) =>
          title === 'networks' ? service.networks.includes(key) : service.volumes.some(({ volume }) => volume === key),
        )
        .map((service) => service.name);
      lines.push(`  ${key} (${name}${external ? ', external' : ''}): ${users.join(', ') || 'nobody'}`);
    }
  };
  resources('networks', graph.networks);
  resources('volumes', graph.volumes);
  return `${lines.join('\n')}\n`;
}

function placesOf({ ports }: GraphService): string {
  return ports.length === 0 ? '' : `, ports ${ports.join(' ')}`;
}

function graphMermaid(graph: ProjectGraph): string {
  const id = ids(graph);
  const lines = ['flowchart LR'];
  for (const service of graph.services) {
    const text = `${service.name}<br/>${service.kind}: ${service.status}`;
    lines.push(`  ${id('s', service.name)}["${mermaidText(text)}"]`);
  }
  for (const { key } of graph.networks) lines.push(`  ${id('n', key)}(("${mermaidText(key)}"))`);
  for (const { key } of graph.volumes) lines.push(`  ${id('v', key)}[("${mermaidText(key)}")]`);
  for (const service of graph.services) {
    const from = id('s', service.name);
    for (const { service: on, condition, required } of service.dependsOn)
      lines.push(`  ${from} ${required ? '-->' : '-.->'}|${condition}| ${id('s', on)}`);
    for (const network of service.networks) lines.push(`  ${from} --- ${id('n', network)}`);
    for (const { volume, target } of service.volumes)
      lines.push(`  ${from} ---|"${mermaidText(target)}"| ${id('v', volume)}`);
  }
  return `${lines.join('\n')}\n`;
}

function graphDot(graph: ProjectGraph): string {
  const id = ids(graph);
  const lines = [`digraph ${quoted(graph.name)} {`, '  rankdir=LR;'];
  for (const { name, kind, status, running } of graph.services) {
    const style = running > 0 ? 'filled' : 'solid';
    lines.push(`  ${id('s', name)} [shape=box, style=${style}, label=${quoted(`${name}\n${kind}: ${status}`)}];`);
  }
  for (const { key } of graph.networks) lines.push(`  ${id('n', key)} [shape=ellipse, label=${quoted(key)}];`);
  for (const { key } of graph.volumes) lines.push(`  ${id('v', key)} [shape=cylinder, label=${quoted(key)}];`);
  for (const service of graph.services) {
    const from = id('s', service.name);
    for (const { service: on, condition, required } of service.dependsOn) {
      const style = required ? '' : ', style=dashed';
      lines.push(`  ${from} -> ${id('s', on)} [label=${quoted(condition)}${style}];`);
    }
    for (const network of service.networks) lines.push(`  ${from} -> ${id('n', network)} [dir=none];`);
    for (const { volume, target } of service.volumes)
      lines.push(`  ${from} -> ${id('v', volume)} [dir=none, label=${quoted(target)}];`);
  }
  return `${lines.join('\n')}\n}\n`;
}

/** Names hold characters that ids of neither language may. */
function ids(graph: ProjectGraph): (kind: 's' | 'n' | 'v', key: string) => string {
  const lists = {
    s: graph.services.map(({ name }) => name),
    n: graph.networks.map(({ key }) => key),
    v: graph.volumes.map(({ key }) => key),
  };
  return (kind, key) => `${kind}${lists[kind].indexOf(key)}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function mermaidText(text: string): string {
  return text.replaceAll('"', '#quot;');
}
