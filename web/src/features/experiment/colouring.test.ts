import { describe, expect, it } from "vitest";
import { canColour, colourChoice, colouringOf, withColour } from "./colouring";
import { parseColumn } from "./columns";

const column = (id: string) => {
  const found = parseColumn(id);
  if (!found) throw new Error(id);
  return found;
};
const group = (value: string | null, runs: number, min: unknown = null, max: unknown = null) => ({
  key: [value],
  runs,
  figures: [{ min, max }],
});

describe("colours of runs", () => {
  it("are one a value, with a shape, and grey for none", () => {
    const names = ["sgd", "adam", "<b>", "lion", "rms"];
    const groups = [...names.map((name, i) => group(name, 9 - i)), group(null, 1)];
    const found = colouringOf(column("p:optim"), { groups, total: 50 }, false);
    const paints = names.map((name) => found.paint(name));
    expect(new Set(paints.map((one) => one.colour)).size).toBe(names.length);
    expect(new Set(paints.map((one) => one.shape)).size).toBe(4);
    expect(found.names.map((one) => one.text).slice(0, 3)).toEqual(["sgd", "adam", "<b>"]);
    expect(found.paint(null)).toEqual(found.paint(undefined));
    expect(found.paint(null).fill).toBe(0);
    expect(found.more).toBe(44);
    // A value that came since, or is one of many, has a colour all the same.
    expect(found.paint("new").colour).toMatch(/^#/);
  });
  it("are a scale for a metric, whatever JSON made of its ends", () => {
    const groups = [group("FINISHED", 3, -1, 3), group("FAILED", 1, "NaN", "Infinity"), group("KILLED", 1)];
    const found = colouringOf(column("m.at_step.10:loss"), { groups, total: 3 }, true);
    expect(found.scale).toEqual({ low: -1, high: 3 });
    expect(found.paint(1).fill).toBe(0.5);
    expect(found.paint("Infinity").fill).toBe(1);
    expect(found.paint(Number.NaN)).toEqual(found.paint(null));
    expect(colouringOf(column("m:x"), { groups: [], total: 0 }, true).scale).toBeNull();
    const one = colouringOf(column("m:x"), { groups: [group("FINISHED", 2, 5, 5)], total: 1 }, true);
    expect(one.paint(5).fill).toBe(1);
  });
  it("are chosen once for table and charts", () => {
    expect(colourChoice({ charts: { colour: "p:a", limit: 3 } })).toBe("p:a");
    expect(colourChoice({ colour: "m:b", charts: { colour: "p:a" } })).toBe("m:b");
    expect(colourChoice({ colour: "a:run_id" })).toBeUndefined();
    expect(colourChoice({ colour: "nonsense" })).toBeUndefined();
    expect(withColour({ charts: { colour: "p:a" } }, "p:b")).toEqual({ colour: "p:b", charts: undefined });
    expect(withColour({ charts: { colour: "p:a", limit: 3 } }, undefined)).toEqual({
      colour: undefined,
      charts: { limit: 3 },
    });
    expect(canColour(null)).toBe(false);
  });
});
