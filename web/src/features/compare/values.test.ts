import { describe, expect, it } from "vitest";
import { numberOf, sameValue } from "./values";

describe("values are compared by what they mean", () => {
  it.each([
    ["1e-3", "0.001"],
    ["0.0010", 0.001],
    ["+5", "5.0"],
    ["-0.0", "0"],
    ["True", "true"],
    ["NaN", "nan"],
    ["inf", "Infinity"],
    ['{"a": 1, "b": [0.10]}', '{"b":[0.1],"a":1.0}'],
    [" x ", "x"],
    [null, null],
  ])("%s equals %s", (a, b) => expect(sameValue(a, b)).toBe(true));

  it.each([
    ["0.001", "0.0010000000000000001"],
    ["12345678901234567890", "12345678901234567891"],
    ["1", "true"],
    ["1", null],
    ["", null],
    ["-inf", "inf"],
    ["1.2.3", "1.23"],
    ["[1, 2]", "[2, 1]"],
    ["a", "A"],
  ])("%s differs from %s", (a, b) => expect(sameValue(a, b)).toBe(false));
});

describe("numbers", () => {
  it("reads numbers and their words", () => {
    expect(numberOf("1e-3")).toBe(0.001);
    expect(numberOf("-Infinity")).toBe(Number.NEGATIVE_INFINITY);
    expect(numberOf("nan")).toBeNaN();
  });
  it.each(["", "abc", "1,000", "0x10", "--1", "True"])("%s is none", (text) =>
    expect(numberOf(text)).toBeNull(),
  );
});
