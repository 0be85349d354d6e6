import { describe, expect, it } from "vitest";
import type { Keys } from "@/features/experiment/data";
import { fieldOf, fields, operators, taken, wantedAt } from "./suggest";

const keys: Keys = {
  runs: 3,
  metrics: [
    { key: "train/loss", runs: 3, varies: true },
    { key: "loss", runs: 2, varies: true },
  ],
  params: [{ key: "learning rate", runs: 3, varies: true }],
  tags: [],
  datasets: [],
};
const words = (runs: number) => `${runs}`;

describe("what is wanted", () => {
  const what = (text: string) => wantedAt(text, text.length).what;
  it("begins with a field, also after and, or, not and a parenthesis", () => {
    for (const text of ["", "lo", "a = 1 and ", "not ", "("]) expect(what(text)).toBe("field");
  });
  it("goes on with an operator, a value and a joint", () => {
    expect(what("params.lr ")).toBe("operator");
    expect(what("params.lr = ")).toBe("value");
    expect(what("params.lr = 'a b")).toBe("value");
    expect(what("params.lr = 'a' ")).toBe("joint");
    expect(what("status ")).toBe("operator");
  });
  it("knows fields in backticks and figures of metrics", () => {
    expect(fieldOf("metrics.`a.b`.min")).toEqual({ kind: "metric", key: "a.b", stat: "min" });
    expect(wantedAt("metrics.`a b` > ", 16)).toMatchObject({ what: "value", column: { key: "a b" } });
  });
});

describe("suggestions", () => {
  it("puts keys that begin with the letters first, and quotes those that need it", () => {
    expect(fields(keys, "l", words).map((one) => one.text)).toEqual([
      "metrics.loss",
      "params.`learning rate`",
      "lifecycle_stage",
      "metrics.`train/loss`",
    ]);
  });
  it("keeps to the kind that is named", () => {
    expect(fields(keys, "params.", words).map((one) => one.text)).toEqual(["params.`learning rate`"]);
  });
  it("offers comparisons that the column has", () => {
    expect(operators({ kind: "metric", key: "loss" }, "").map((one) => one.text)).toContain(">=");
    expect(operators({ kind: "tag", key: "team" }, "i").map((one) => one.text)).toEqual([
      "ILIKE",
      "IS NULL",
      "IS NOT NULL",
    ]);
  });
  it("replaces what was typed of it and keeps the rest", () => {
    const text = "par and status = 'FAILED'";
    const result = taken(text, 3, wantedAt(text, 3), { text: "params.lr", insert: "params.lr " });
    expect(result).toEqual({ text: "params.lr and status = 'FAILED'", caret: 10 });
  });
});
