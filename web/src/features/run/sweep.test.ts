import { expect, test } from "vitest";
import type { Run } from "./data";
import { axesOf, bestOf, childrenFilter, parseSpec, pointOf } from "./sweep";

const run = (tags: Record<string, string>) => ({ data: { tags } }) as Run;
const SPEC = {
  parameters: { rate: { type: "range", min: 0, max: 1 }, seed: { type: "fixed", value: 1 } },
  metric: { name: "val/loss", goal: "maximize" },
  trials: 20,
};

test("a sweep's file gives its plan, and the axes of its charts", () => {
  const spec = parseSpec(JSON.stringify(SPEC));
  expect(spec).toEqual({ trials: 20, metric: "val/loss", goal: "maximize", parameters: ["rate"] });
  expect(spec && axesOf(spec)).toEqual(["p:rate", "m:val/loss"]);
  expect(parseSpec(JSON.stringify({ ...SPEC, metric: { name: "loss" } }))?.goal).toBe("minimize");
  for (const json of ["", "null", "[]", "{}", JSON.stringify({ ...SPEC, trials: 1.5 })])
    expect(parseSpec(json)).toBeNull();
});

test("tags that anybody may have set are taken only where they parse", () => {
  expect(bestOf(run({ "assay.sweep.best_run": "ab12", "assay.sweep.best_value": "0.25" }))).toEqual({
    runId: "ab12",
    value: 0.25,
  });
  expect(bestOf(run({ "assay.sweep.best_run": "ab12" }))).toBeNull();
  expect(bestOf(run({ "assay.sweep.best_run": "a/b", "assay.sweep.best_value": "1" }))).toBeNull();
  expect(pointOf(run({ "assay.sweep.point": '{"rate":0.1,"kind":"tree","n":null}' }))).toEqual([
    ["rate", "0.1"],
    ["kind", "tree"],
    ["n", "null"],
  ]);
  for (const point of ["", "[1]", "{"]) expect(pointOf(run({ "assay.sweep.point": point }))).toEqual([]);
});

test("the filter for trials holds whatever an id is", () => {
  expect(childrenFilter("a'b")).toBe("tags.`mlflow.parentRunId` = 'a''b'");
});
