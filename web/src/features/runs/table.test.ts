import { describe, expect, it, vi } from "vitest";
import { columnId, columnTerm, parseColumn } from "@/features/experiment/columns";
import { deltaText } from "./cells";
import { condition, narrowed, terms, without } from "./filters";
import { keyTree, shareShown } from "./keyTree";
import { guessed, isBest, shareOf } from "./marks";
import { toCell } from "./records";
import { columnsInView, Rail, sliceOf } from "./slice";
import { sparkPath } from "./sparks";
import { RunStore } from "./store";
import { arrange, defaultColumns, moved, NAME, shifted } from "./tableColumns";
import { readView, sameView, viewOf } from "./views";

describe("filters", () => {
  it("splits at the ands that join all of it", () => {
    expect(terms("params.a = 'x and y' and (b = 1 or c = 2) and not d = 3")).toEqual([
      "params.a = 'x and y'",
      "(b = 1 or c = 2)",
      "not d = 3",
    ]);
    expect(terms("a = 1 or b = 2 and c = 3")).toHaveLength(1);
    expect(without("a = 1 and b = 2", "a = 1")).toBe("b = 2");
  });
  it("quotes hostile values and keys", () => {
    const column = { kind: "param" as const, key: "a`b" };
    expect(condition(column, "=", "it's' or 1=1")).toBe("params.`a``b` = 'it''s'' or 1=1'");
    expect(condition(column, "!=", null)).toBe("params.`a``b` IS NOT NULL");
    expect(condition({ kind: "metric", key: "m" }, "=", Number.NaN)).toBeNull();
    expect(condition({ kind: "metric", key: "m" }, ">=", -Infinity)).toBe("metrics.`m` >= -inf");
  });
  it("asks for one thing more, once", () => {
    expect(narrowed("a = 1", "b = 2")).toBe("a = 1 and b = 2");
    expect(narrowed("a = 1 and b = 2", "b = 2")).toBe("a = 1 and b = 2");
  });
});

const LEFT = { left: [NAME], right: [] };

describe("columns", () => {
  it("are chosen from what varies and what is logged most", () => {
    const facet = (key: string, varies = true) => ({ key, varies, runs: 1 });
    const chosen = defaultColumns({
      metrics: ["a", "b", "system/cpu", "c", "d"].map((key) => facet(key)),
      params: [facet("same", false), facet("lr")],
    });
    expect(chosen.slice(4)).toEqual(["m:a", "m:b", "m:c", "p:lr"]);
  });
  it("move and stay within the list", () => {
    expect(moved(["a", "b", "c"], "c", "a")).toEqual(["c", "a", "b"]);
    expect(moved(["a", "b", "c"], "a", null)).toEqual(["b", "c", "a"]);
    expect(shifted(["a", "b"], "a", -1)).toEqual(["a", "b"]);
  });
  it("leave out what is none, and keep the name", () => {
    expect(arrange(["x:1", "a:nope", "m:loss"], LEFT, {}).map((one) => one.id)).toEqual([NAME, "m:loss"]);
  });
  it("are drawn only where they are seen", () => {
    const columns = arrange([NAME, ...Array.from({ length: 1_000 }, (_, i) => `m:k${i}`)], LEFT, {});
    const [first, last] = columnsInView(columns, 50_000, 1_200);
    const slice = sliceOf(columns, first, last);
    expect(slice.columns.length).toBeLessThan(20);
    const drawn = slice.columns.reduce((sum, one) => sum + one.width, 0);
    expect(slice.before + slice.after + drawn).toBe(columns.reduce((sum, one) => sum + one.width, 0));
  });
  it("stay at the edge that they are kept at", () => {
    const pins = { left: [NAME], right: ["m:a", NAME, "m:c"] };
    const columns = arrange([NAME, "m:a", "m:b", "m:c", "m:d"], pins, { "m:a": 100, "m:c": 70 });
    expect(columns.map((one) => one.id)).toEqual([NAME, "m:b", "m:d", "m:a", "m:c"]);
    const slice = sliceOf(columns, 2, 2);
    expect(slice.columns.map((one) => one.id)).toEqual([NAME, "m:d", "m:a", "m:c"]);
    expect([slice.pinned, slice.right, slice.before, slice.after]).toEqual([1, 2, 96, 0]);
    expect(slice.offsets.slice(2)).toEqual([70, 0]);
  });
  it("have figures with a number, in the address and in the language", () => {
    for (const [id, term] of [
      ["m.at_step.-5:a.b:c", "metrics.`a.b:c`.at_step:-5"],
      ["m.mean_last.10:loss", "metrics.`loss`.mean_last:10"],
      ["m.min:loss", "metrics.`loss`.min"],
    ] as const) {
      const column = parseColumn(id);
      expect(column && columnId(column)).toBe(id);
      expect(column && columnTerm(column)).toBe(term);
    }
    for (const none of [
      "m.mean_last:a",
      "m.mean_last.0:a",
      "m.mean_last.10001:a",
      "m.min.3:a",
      "p.at_step.1:a",
    ])
      expect(parseColumn(none)).toBeNull();
    expect(parseColumn("m.at_step.9007199254740993:a")).toBeNull();
  });
  it("stand in a tree by their prefixes", () => {
    const tree = keyTree(["a/x", "a/y10", "a/y9", "b/only", "plain"].map((key) => ({ id: key, key })));
    expect(tree.folders.map((one) => one.label)).toEqual(["a/"]);
    expect(tree.folders[0]?.leaves.map((one) => one.label)).toEqual(["x", "y9", "y10"]);
    expect(tree.leaves.map((one) => one.label)).toEqual(["b/only", "plain"]);
    expect(shareShown(["a/x", "a/y9"], new Set(["a/x"]))).toBe("some");
  });
});

describe("rows under a scroll bar", () => {
  it("are few whatever their number", () => {
    const rail = new Rail(10_000, 32, 600);
    const [first, last] = rail.rows(9_000 * 32);
    expect(first).toBeLessThanOrEqual(9_000);
    expect(last - first).toBeLessThan(50);
    expect(last * 32).toBeGreaterThan(9_000 * 32 + 600);
    expect(rail.scaled).toBe(false);
    for (const top of [0, 31, 700, 9_999 * 32]) {
      const [from, to] = rail.rows(top);
      expect(to - from + 1).toBe(rail.pool);
      expect(rail.lastSeen(top) - Math.floor(top / 32)).toBeLessThan(20);
      expect(rail.lastSeen(top)).toBeGreaterThanOrEqual(Math.floor((top + 599) / 32));
      expect([from <= top / 32, to >= Math.min(9_999, (top + 600) / 32)]).toEqual([true, true]);
    }
    expect(new Rail(3, 32, 600).rows(0)).toEqual([0, 2]);
    expect(new Rail(0, 32, 600).rows(0)).toEqual([0, -1]);
  });
  it("keep the order of their elements while they pass", () => {
    const rail = new Rail(1_000, 20, 100);
    const slots = (first: number, turn: number) =>
      rail.inOrder(first, first + rail.pool - 1, turn).map((row) => row % rail.pool);
    expect(rail.inOrder(40, 40 + rail.pool - 1, 40)).toEqual(
      Array.from({ length: rail.pool }, (_, i) => 40 + i),
    );
    for (const first of [0, 36, 44, 480]) expect(slots(first, 40)).toEqual(slots(40, 40));
    expect(rail.inOrder(0, 2, 8)).toEqual([0, 1, 2]);
    expect(rail.inOrder(0, -1, 0)).toEqual([]);
  });
  it("are all reached where a browser's box is too small for them", () => {
    const rail = new Rail(1_000_000, 32, 600);
    expect(rail.height).toBeLessThan(16_000_000);
    expect(rail.rows(rail.height - 600)[1]).toBe(999_999);
    expect(rail.topOf(999_999, rail.height - 600)).toBeCloseTo(rail.height - 32, 3);
  });
});

describe("figures", () => {
  it("of JSON that has no number for them are read", () => {
    expect(toCell("m:x", "NaN")).toBeNaN();
    expect(toCell("p:x", "NaN")).toBe("NaN");
    expect(toCell("m.min:x", "-Infinity")).toBe(-Infinity);
  });
  it("know their good end by their name", () => {
    expect(
      ["train/loss", "val_loss", "rmse", "accuracy", "val/f1", "glossary", "epoch"].map(guessed),
    ).toEqual(["min", "min", "min", "max", "max", "none", "none"]);
    expect(isBest(1, { min: 1, max: 2 }, "min")).toBe(true);
    expect(shareOf(1.5, { min: 1, max: 2 }, "min")).toBe(0.5);
    expect(shareOf(1, { min: 1, max: Infinity }, "max")).toBeNull();
  });
  it("differ from the baseline with a sign", () => {
    expect(deltaText(1.5, 1)).toBe("+0.5");
    expect(deltaText(1, 1.5)).toBe("−0.5");
    expect(deltaText(Infinity, 1)).toBe("");
  });
  it("become curves that show a spike of one step and leave out what is no number", () => {
    const path = sparkPath({
      steps: new Float64Array([0, 1, 2, 3]),
      min: new Float64Array([0, 0, Number.NaN, 0]),
      max: new Float64Array([0, 100, Number.NaN, 0]),
      mean: new Float64Array([0, 1, Number.NaN, 0]),
    });
    expect(path).toContain(" 2.0");
    expect(path).not.toContain("NaN");
  });
});

describe("views", () => {
  it("read nothing that doesn't parse", () => {
    expect(readView("[]")).toBeNull();
    expect(readView("{")).toBeNull();
    expect(readView('{"q":"a = 1","runs":["x"],"w":{"m:a":9999}}')).toEqual({ q: "a = 1" });
  });
  it("differ by what they hold, not by what is selected", () => {
    expect(sameView(viewOf({ q: "a", runs: ["1"] }), viewOf({ q: "a" }))).toBe(true);
    expect(sameView({ q: "a" }, { q: "a", nest: true })).toBe(false);
  });
});

describe("runs that go on", () => {
  it("are drawn once for all changes, the last of each winning", () => {
    const run = { id: "one", name: "", experimentId: "0", status: "RUNNING", startTime: 0, endTime: null };
    const store = new RunStore();
    const rest = { user: "", stage: "active", parent: null, children: 0 };
    store.runs.set("one", { ...run, ...rest, cells: { "m:loss": 3 } });
    const drawn = vi.fn();
    store.subscribe(drawn);
    store.merge([
      ["one", (known) => ({ cells: { ...known.cells, "m:loss": 2 } })],
      ["gone", () => ({ name: "nobody" })],
      ["one", (known) => ({ name: "named", cells: { ...known.cells, "m:new": 1 } })],
    ]);
    expect(store.runs.get("one")).toMatchObject({ name: "named", cells: { "m:loss": 2, "m:new": 1 } });
    expect(store.runs.has("gone")).toBe(false);
    expect(drawn).toHaveBeenCalledOnce();
  });
});
