import { expect, test } from "vitest";
import { againOf, countsOf, type Finding, hasReport, originalOf, telling, verdictOf } from "./data";

const finding = (name: string, verdict: Finding["verdict"]) => ({ kind: "metric", name, verdict }) as Finding;

test("only verdicts and ids of runs are taken from tags", () => {
  expect(verdictOf({ "assay.reproduction": "within tolerance" })).toBe("within tolerance");
  expect(verdictOf({ "assay.reproduction": "<b>fine</b>" })).toBeUndefined();
  expect(originalOf({ "assay.reproduces": "ab12" })).toBe("ab12");
  expect(originalOf({ "assay.reproduces": "../settings" })).toBeUndefined();
  expect(againOf({ "assay.reproduction.run": "" })).toBeUndefined();
  expect(hasReport({ "assay.reproduction": "identical" })).toBe(false);
  expect(hasReport({ "assay.reproduction": "identical", "assay.reproduction.run": "ab12" })).toBe(true);
});

test("what differs is shown first; where all is the same, that", () => {
  const mixed = [finding("a", "different"), finding("b", "not compared"), finding("c", "identical")];
  expect(telling(mixed).map((one) => one.name)).toEqual(["a", "b"]);
  expect(telling(mixed.slice(2))).toHaveLength(1);
  expect([...countsOf([...mixed, finding("d", "identical")])]).toEqual([
    ["different", 1],
    ["not compared", 1],
    ["identical", 2],
  ]);
});
