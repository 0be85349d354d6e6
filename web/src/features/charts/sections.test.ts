import { describe, expect, it } from "vitest";
import { keyMark, makeSections, matcher, naturally, panelKeys, withMove } from "./sections";
import { compact, DEFAULTS, parseChartState, withChange } from "./state";

const names = (keys: string[], change = {}, known: Set<string> | null = null) =>
  makeSections(keys, { ...DEFAULTS, ...change }, known).map((section) => [
    `${section.kind}:${section.name}`,
    section.panels.map((panel) => panel.id.slice(2)),
    section.folded,
  ]);

describe("sections", () => {
  it("come from prefixes, in the order people count, with the machine's last and folded", () => {
    expect(names(["system/cpu", "train/l10", "train/l2", "acc", "val/loss"])).toEqual([
      ["metrics:", ["acc"], false],
      ["metrics:train", ["train/l2", "train/l10"], false],
      ["metrics:val", ["val/loss"], false],
      ["system:system", ["system/cpu"], true],
    ]);
  });

  it("fold and unfold, and search opens all", () => {
    expect(names(["a/x"], { flipped: ["metrics:a"] })[0]?.[2]).toBe(true);
    expect(names(["system/x"], { flipped: ["system:system"] })[0]?.[2]).toBe(false);
    expect(names(["system/x", "b"], { find: "sys.*x" })).toEqual([["system:system", ["system/x"], false]]);
  });

  it("put metrics that a layout doesn't know into a section of their own", () => {
    expect(names(["a", "b/c"], {}, new Set([keyMark("a")]))).toEqual([
      ["metrics:", ["a"], false],
      ["new:", ["b/c"], false],
    ]);
  });

  it("keep moves, and the last of a panel counts", () => {
    const moves = withMove(withMove([], "k:c", 1), "k:c", 0);
    expect(moves).toEqual([["k:c", 0]]);
    expect(names(["a", "b", "c"], { moves })[0]?.[1]).toEqual(["c", "a", "b"]);
  });

  it("show what a machine logs of several devices in one panel", () => {
    const keys = [
      "system/gpu_0_power",
      "system/gpu_1_power",
      "system/gpu_0_heat",
      "train/gpu_0_x",
      "train/gpu_1_x",
    ];
    const system = makeSections(keys, DEFAULTS).at(-1)?.panels;
    expect(system?.map((panel) => [panel.title, panel.keys])).toEqual([
      [undefined, ["system/gpu_0_heat"]],
      ["system/gpu_*_power", ["system/gpu_0_power", "system/gpu_1_power"]],
    ]);
    expect(makeSections(keys, DEFAULTS)[0]?.panels).toHaveLength(2);
  });

  it("search 1,000 keys", () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => `m/${i}`);
    expect(names(keys, { find: "^m/99\\d$" })[0]?.[1]).toHaveLength(10);
  });
});

describe("patterns", () => {
  it("are plain text where they are no expression, or could run forever", () => {
    expect(matcher("loss(")("my LOSS( x")).toBe(true);
    expect(matcher("(a+)+$")(`${"a".repeat(40)}b`)).toBe(false);
    expect(matcher("^val/")("val/loss")).toBe(true);
  });

  it("choose keys for a panel", () => {
    expect(panelKeys({ id: "x", pattern: "loss$", keys: ["acc"] }, ["val/loss", "lr"])).toEqual([
      "acc",
      "val/loss",
    ]);
  });

  it("sort like people", () => {
    expect(["l10", "L2", "l1"].sort(naturally)).toEqual(["l1", "L2", "l10"]);
  });
});

describe("state of charts", () => {
  it("comes back from an address as it was", () => {
    const state = {
      ...DEFAULTS,
      smooth: "ema" as const,
      zoom: [3, 9] as [number, number],
      extra: [{ id: "x:1", expr: "a - b", tall: 2 }],
      moves: [["k:a", 2]] as [string, number][],
    };
    expect(parseChartState(JSON.parse(JSON.stringify(compact(state))))).toEqual(state);
    expect(compact(DEFAULTS)).toBeUndefined();
  });

  it("leaves out what doesn't fit", () => {
    const hostile = {
      cols: 1e9,
      x: "y".repeat(10_000),
      smooth: "__proto__",
      zoom: [5, "1"],
      extra: [{ title: "no id" }, 7],
      changes: { a: { wide: -3, keys: "no" } },
      moves: [["a"], "b"],
      full: { a: 1 },
    };
    expect(parseChartState(hostile)).toEqual({ ...DEFAULTS, changes: { a: {} } });
  });

  it("changes panels and takes changes back", () => {
    const changed = { ...DEFAULTS, ...withChange(DEFAULTS, "k:a", { wide: 2 }) };
    expect(changed.changes).toEqual({ "k:a": { wide: 2 } });
    expect(withChange(changed, "k:a", { wide: undefined })).toEqual({ changes: {} });
    const extra = { ...DEFAULTS, extra: [{ id: "x" }] };
    expect(withChange(extra, "x", { gone: true })).toEqual({ extra: [] });
  });
});
