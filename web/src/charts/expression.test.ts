import { describe, expect, it } from "vitest";
import { compute, ExpressionError, metricsOf, parseExpression } from "./expression";

const KEYS = ["train/loss", "val/loss", "loss", "acc", "a", "b", "a/b", "top-1", "2x", "weird key"];
const VALUES: Record<string, number> = {
  "train/loss": 4,
  "val/loss": 3,
  loss: 2,
  acc: 0.5,
  a: 8,
  b: 2,
  "top-1": 7,
  "2x": 9,
  "weird key": 5,
  "a/b": 100,
};

function value(text: string, known = KEYS): number {
  return compute(parseExpression(text, known), 1, (key, base) =>
    Float64Array.of((VALUES[key] ?? Number.NaN) * (base ? 10 : 1)),
  )[0]!;
}

describe("expressions over metrics", () => {
  it("reads keys with slashes as names and spaced slashes as divisions", () => {
    expect(value("train/loss - val/loss")).toBe(1);
    expect(value("train/loss/val/loss")).toBeCloseTo(4 / 3);
    expect(value("a/b")).toBe(100);
    expect(value("a / b")).toBe(4);
    expect(value("a/b", ["a", "b"])).toBe(4);
  });

  it("knows precedence, signs, powers and functions", () => {
    expect(value("1 + 2 * 3 ^ 2 - -4")).toBe(23);
    expect(value("2 ^ 3 ^ 2")).toBe(512);
    expect(value("max(loss, acc) + sqrt(16)")).toBe(6);
    expect(value("(a - b) * 1e2")).toBe(600);
  });

  it("reads keys that look like something else", () => {
    expect(value("top-1 - 1")).toBe(6);
    expect(value("2x + 1")).toBe(10);
    expect(value("`weird key` * 2")).toBe(10);
  });

  it("takes the baseline's values inside base()", () => {
    expect(value("loss - base(loss)")).toBe(-18);
    expect(metricsOf(parseExpression("loss / base(train/loss)", KEYS))).toEqual([
      { key: "loss", base: false },
      { key: "train/loss", base: true },
    ]);
  });

  it.each([
    "",
    "loss +",
    "nothing",
    "(loss",
    "loss loss",
    "`loss",
    "constructor(loss)",
    "min(a)",
    "alert(1)",
    "a;b",
  ])("refuses %j and says where", (text) => {
    expect(() => parseExpression(text, KEYS)).toThrow(ExpressionError);
  });

  it("refuses depth and length without end", () => {
    expect(() => parseExpression("(".repeat(400), KEYS)).toThrow(ExpressionError);
    expect(() => parseExpression(`${"2^".repeat(200)}2`, KEYS)).toThrow(ExpressionError);
    expect(() => parseExpression("1+".repeat(400), KEYS)).toThrow(ExpressionError);
  });
});
