import { describe, expect, it } from "vitest";
import type { Lineage } from "./data";
import { layOut } from "./lineageLayout";

const graph = (nodes: string[], edges: [string, string][]): Lineage => ({
  start: "run:a",
  nodes: nodes.map((id) => ({ kind: "run", id, label: id, facts: {} })),
  edges: edges.map(([from, to]) => ({ source: `run:${from}`, target: `run:${to}`, relation: "made" })),
  truncated: false,
});

describe("a lineage graph", () => {
  it("puts what came later further right, without overlaps", () => {
    const laid = layOut(
      graph(
        ["a", "b", "c", "d"],
        [
          ["a", "b"],
          ["b", "c"],
          ["a", "c"],
          ["a", "d"],
        ],
      ),
    );
    const x = Object.fromEntries(laid.nodes.map((one) => [one.node.id, one.x]));
    expect(x.a).toBeLessThan(x.b as number);
    expect(x.b).toBeLessThan(x.c as number);
    expect(x.b).toBe(x.d);
    expect(new Set(laid.nodes.map((one) => `${one.x} ${one.y}`)).size).toBe(4);
    expect(laid.edges).toHaveLength(4);
  });

  it("ends, with all nodes, where the edges make a ring or lead nowhere", () => {
    const laid = layOut(
      graph(
        ["a", "b"],
        [
          ["a", "b"],
          ["b", "a"],
          ["a", "gone"],
        ],
      ),
    );
    expect(laid.nodes).toHaveLength(2);
    expect(laid.edges).toHaveLength(2);
  });
});
