import { describe, expect, it } from "vitest";
import type { PlotView } from "@/charts/plotView";
import { fileName, toCsv, toPython } from "./export";
import { DEFAULTS } from "./state";

describe("exports", () => {
  it("name files harmlessly", () => {
    expect(fileName("../train/loss", "csv")).toBe("train-loss.csv");
    expect(fileName("👩🏽‍🔬", "png")).toBe("chart.png");
    expect(fileName("x".repeat(500), "svg").length).toBeLessThan(100);
  });

  it("write CSV that no spreadsheet runs", () => {
    const column = Float64Array.of(1, Number.NaN);
    const view = {
      lines: [
        { label: '=cmd|"x"', runId: "r", x: column, y: column, raw: null, low: null, high: null, n: null },
      ],
    } as unknown as PlotView;
    const rows = toCsv(view).trim().split("\n");
    expect(rows).toHaveLength(3);
    expect(rows[1]).toBe(`"'=cmd|""x""",r,1,1,,,,,,`);
    expect(rows[2]).toContain("NaN,NaN");
  });

  it("write Python in which names stay texts", () => {
    const code = toPython({
      server: "http://localhost:5000",
      title: '"); import os; ("\n',
      spec: { id: "a", keys: ["a"] },
      keys: ["a"],
      runs: [{ id: "r", name: "\\\"'\n🧪" }],
      state: { ...DEFAULTS, y: "log", smooth: "ema" },
    });
    expect(code).not.toMatch(/^import os/m);
    expect(code).toContain('axes.set_yscale("log")');
    expect(code).toMatch(/^[\x20-\x7e\n]*$/);
  });
});
