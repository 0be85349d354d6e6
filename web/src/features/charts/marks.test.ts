import { describe, expect, it } from "vitest";
import type { Line } from "@/charts/lines";
import type { ChartEvent } from "./events";
import { type MarkRequest, marksOf, noteAt } from "./marks";
import { type PointNote, parseNotes, withNote } from "./pointNotes";

function line(change: Partial<Line> = {}): Line {
  return {
    id: "a\nloss",
    runId: "a",
    key: "loss",
    label: "run a",
    colour: "#123",
    x: Float64Array.of(0, 100, 200, 100, 200),
    y: Float64Array.of(5, 4, 3, 2, 1),
    raw: null,
    low: null,
    high: null,
    n: null,
    steps: Float64Array.of(0, 10, 20, 10, 20),
    times: Float64Array.of(1, 2, 3, 14, 15),
    dash: [],
    width: 1,
    right: false,
    isBaseline: false,
    ascending: false,
    ...change,
  };
}

const event = (change: Partial<ChartEvent>): ChartEvent => ({
  kind: "model",
  id: "1",
  runId: "a",
  step: 10,
  time: 5_000,
  label: "it",
  colour: "#456",
  ...change,
});

const marks = (events: ChartEvent[], change: Partial<MarkRequest> = {}) =>
  marksOf({
    events,
    lines: [line()],
    starts: new Map([["a", 1_000]]),
    axis: "step",
    curves: null,
    ...change,
  });

describe("marks of a panel", () => {
  it("stand at the step or the time of what happened, or at what the axis says there", () => {
    expect(marks([event({})])[0]).toMatchObject({ x: 10, y: null, label: "it" });
    expect(marks([event({})], { axis: "relative" })[0]!.x).toBe(4);
    expect(marks([event({})], { axis: "wall" })[0]!.x).toBe(5_000);
    const curves = new Map([["a", { x: Float64Array.of(0, 20), y: Float64Array.of(0, 1) }]]);
    expect(marks([event({})], { axis: "computed", curves })[0]!.x).toBe(0.5);
    expect(marks([event({})], { axis: "computed", curves: new Map() })).toEqual([]);
  });
  it("of versions whose step nobody knows stand at the run's last; of models without a step nowhere", () => {
    expect(marks([event({ kind: "version", step: null })])[0]!.x).toBe(20);
    expect(marks([event({ step: 0 })])).toEqual([]);
    expect(marks([event({ runId: "hidden" })])).toEqual([]);
  });
  it("of notes stand on the point, in the branch that was meant", () => {
    const note = { kind: "note" as const, key: "loss", label: "odd" };
    expect(marks([event({ ...note, time: 14 })])[0]).toMatchObject({ x: 10, y: 2, label: "odd" });
    expect(marks([event({ ...note, time: 2 })])[0]).toMatchObject({ x: 10, y: 4 });
    expect(marks([event({ ...note, time: 2 })], { axis: "wall" })[0]!.x).toBe(100);
    expect(marks([event({ ...note, key: "accuracy" })])).toEqual([]);
  });
});

describe("notes on points", () => {
  const note: PointNote = { key: "loss", step: 10, time: 14, text: "odd", by: "" };
  it("are one a point: a click there finds it", () => {
    const events = [event({ kind: "note", key: "loss", note })];
    expect(noteAt(line(), 3, events)).toMatchObject({ runId: "a", note, place: note });
    expect(noteAt(line(), 1, events)).toMatchObject({ note: null, place: { step: 10, time: 2 } });
    expect(noteAt(line({ key: null }), 1, events)).toBeNull();
    expect(withNote([note], { ...note, text: "fine" })).toEqual([{ ...note, text: "fine" }]);
    expect(withNote([note], { ...note, text: "" })).toEqual([]);
    expect(withNote([note], { ...note, time: 2 })).toHaveLength(2);
  });
  it("are read from whatever stands in the tag", () => {
    expect(parseNotes(JSON.stringify([note]))).toEqual([note]);
    expect(parseNotes("{not json")).toEqual([]);
    expect(parseNotes('{"key": "loss"}')).toEqual([]);
    const odd = [null, 7, { key: 1 }, { key: "k", step: "1", text: "t" }, { key: "k", step: 1, text: "" }];
    expect(parseNotes(JSON.stringify(odd))).toEqual([]);
    const long = parseNotes(JSON.stringify([{ key: "k", step: 1, text: "x".repeat(9_000), by: {} }]));
    expect(long).toEqual([{ key: "k", step: 1, time: null, text: "x".repeat(500), by: "" }]);
  });
});
