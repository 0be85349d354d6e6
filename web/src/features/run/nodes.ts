/** A lineage graph seen from a run: what is upstream and downstream of it, nearest first. */
import type { Lineage } from "./data";

export type Node = Lineage["nodes"][number];

export const nodeKey = (node: Node) => `${node.kind}:${node.id}`;

function reach(graph: Lineage, from: "source" | "target", to: "source" | "target"): Node[] {
  const nodes = new Map(graph.nodes.map((node) => [nodeKey(node), node]));
  const seen = new Set([graph.start]);
  let wave = [graph.start];
  const found: Node[] = [];
  while (wave.length) {
    const next: string[] = [];
    for (const edge of graph.edges) {
      if (!wave.includes(edge[from]) || seen.has(edge[to])) continue;
      seen.add(edge[to]);
      next.push(edge[to]);
      const node = nodes.get(edge[to]);
      if (node) found.push(node);
    }
    wave = next;
  }
  return found;
}

export const upstreamOf = (graph: Lineage) => reach(graph, "target", "source");
export const downstreamOf = (graph: Lineage) => reach(graph, "source", "target");

/** Versions of registered models that came of the run. */
export const versionsOf = (graph: Lineage) =>
  downstreamOf(graph).filter((node) => node.kind === "model_version");

/** `name/3` as its two parts; names may hold slashes, numbers don't. */
export function versionParts(id: string): { name: string; version: string } {
  const slash = id.lastIndexOf("/");
  return { name: id.slice(0, slash), version: id.slice(slash + 1) };
}
