/** Where the nodes of a lineage graph stand: layers by what came first, in each layer near what they came from. */
import type { Lineage, LineageNode } from "./data";

export const NODE_WIDTH = 160;
export const NODE_HEIGHT = 46;
const GAP_X = 46;
const GAP_Y = 16;
const MARGIN = 14;
const SWEEPS = 4;

export interface Placed {
  node: LineageNode;
  key: string;
  x: number;
  y: number;
}
export interface Laid {
  nodes: Placed[];
  edges: { key: string; path: string; relation: string }[];
  width: number;
  height: number;
}

export const nodeKey = (node: LineageNode): string => `${node.kind}:${node.id}`;

/** The layer of each node: one behind the last of those it came from. A ring can't push on for ever. */
function layersOf(graph: Lineage): Map<string, number> {
  const layer = new Map(graph.nodes.map((node) => [nodeKey(node), 0]));
  for (let round = 0; round < graph.nodes.length; round++) {
    let moved = false;
    for (const { source, target } of graph.edges) {
      const wanted = (layer.get(source) ?? 0) + 1;
      if (
        layer.has(target) &&
        layer.has(source) &&
        wanted > (layer.get(target) ?? 0) &&
        wanted < graph.nodes.length
      ) {
        layer.set(target, wanted);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return layer;
}

/** Order in each layer by the mean place of the neighbours, there and back: fewer crossings. */
function ordered(graph: Lineage, layer: Map<string, number>): string[][] {
  const layers: string[][] = [];
  for (const [key, at] of layer) {
    layers[at] ??= [];
    layers[at].push(key);
  }
  const filled = layers.filter((one) => one?.length);
  const neighbours = new Map<string, string[]>();
  for (const { source, target } of graph.edges) {
    neighbours.set(source, [...(neighbours.get(source) ?? []), target]);
    neighbours.set(target, [...(neighbours.get(target) ?? []), source]);
  }
  const place = new Map<string, number>();
  const note = () => {
    for (const one of filled) for (const [at, key] of one.entries()) place.set(key, at);
  };
  note();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const one of sweep % 2 ? [...filled].reverse() : filled) {
      const mean = new Map(
        one.map((key) => {
          const around = (neighbours.get(key) ?? []).map((other) => place.get(other) ?? 0);
          const own = place.get(key) ?? 0;
          return [key, around.length ? around.reduce((a, b) => a + b, 0) / around.length : own];
        }),
      );
      one.sort((a, b) => (mean.get(a) ?? 0) - (mean.get(b) ?? 0));
      note();
    }
  }
  return filled;
}

export function layOut(graph: Lineage): Laid {
  const nodes = new Map(graph.nodes.map((node) => [nodeKey(node), node]));
  const layers = ordered(graph, layersOf(graph));
  const tallest = Math.max(1, ...layers.map((one) => one.length));
  const height = MARGIN * 2 + tallest * (NODE_HEIGHT + GAP_Y) - GAP_Y;
  const placed = layers.flatMap((keys, column) => {
    const own = keys.length * (NODE_HEIGHT + GAP_Y) - GAP_Y;
    return keys.map((key, row) => ({
      key,
      node: nodes.get(key) as LineageNode,
      x: MARGIN + column * (NODE_WIDTH + GAP_X),
      y: (height - own) / 2 + row * (NODE_HEIGHT + GAP_Y),
    }));
  });
  const at = new Map(placed.map((one) => [one.key, one]));
  const edges = graph.edges.flatMap(({ source, target, relation }) => {
    const from = at.get(source);
    const to = at.get(target);
    if (!from || !to) return [];
    const [x1, y1] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2];
    const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
    const bend = Math.max(20, (x2 - x1) / 2);
    const path = `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
    return [{ key: `${source}>${target}>${relation}`, path, relation }];
  });
  const width = MARGIN * 2 + layers.length * (NODE_WIDTH + GAP_X) - GAP_X;
  return { nodes: placed, edges, width, height };
}
