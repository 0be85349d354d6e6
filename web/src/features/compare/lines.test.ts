import { describe, expect, it } from "vitest";
import { comparable, difference, folded, sideBySide, wordParts } from "./lines";

/** The texts as the changes say they were: what any correct difference must give back. */
function rebuilt(left: string[], right: string[]) {
  const { changes } = difference(left, right);
  return {
    left: changes.flatMap((one) => (one.left >= 0 ? [left[one.left]] : [])),
    right: changes.flatMap((one) => (one.right >= 0 ? [right[one.right]] : [])),
    edits: changes.filter((one) => one.kind !== "same").length,
    same: changes.every((one) => one.kind !== "same" || left[one.left] === right[one.right]),
  };
}

/** Length of the longest common part, the slow and certain way. */
function common(a: string[], b: string[]): number {
  const row = new Array<number>(b.length + 1).fill(0);
  for (const x of a) {
    let corner = 0;
    b.forEach((y, j) => {
      const above = row[j + 1] as number;
      row[j + 1] = x === y ? corner + 1 : Math.max(above, row[j] as number);
      corner = above;
    });
  }
  return row[b.length] as number;
}

describe("difference of lines", () => {
  it.each([
    ["", ""],
    ["abc", "abc"],
    ["", "abc"],
    ["abc", ""],
    ["abcabba", "cbabac"],
    ["xaxcxabc", "abcy"],
    ["aaaa", "bbbb"],
  ])("%s to %s", (a, b) => {
    const [left, right] = [[...a], [...b]];
    const found = rebuilt(left, right);
    expect(found.left).toEqual(left);
    expect(found.right).toEqual(right);
    expect(found.same).toBe(true);
    expect(found.edits).toBe(a.length + b.length - 2 * common(left, right));
  });

  it("is the shortest for many random texts", () => {
    let seed = 7;
    const next = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed / 2147483648;
    };
    for (let round = 0; round < 200; round++) {
      const make = () =>
        Array.from({ length: Math.floor(next() * 30) }, () => "abcd"[Math.floor(next() * 4)] ?? "a");
      const [left, right] = [make(), make()];
      const found = rebuilt(left, right);
      expect(found.left).toEqual(left);
      expect(found.right).toEqual(right);
      expect(found.edits).toBe(left.length + right.length - 2 * common(left, right));
    }
  });

  it("gives up in bounded time, and says so", () => {
    const left = Array.from({ length: 20_000 }, (_, i) => `a${i}`);
    const right = Array.from({ length: 20_000 }, (_, i) => `b${i}`);
    const found = difference(["same", ...left], ["same", ...right]);
    expect(found.coarse).toBe(true);
    expect(found.changes).toHaveLength(40_001);
  });
});

describe("rows", () => {
  it("puts what took a line's place beside it", () => {
    const [left, right] = [
      ["a", "b", "c"],
      ["a", "x", "c", "d"],
    ];
    const rows = sideBySide(left, right, difference(left, right).changes);
    expect(rows.map((row) => [row.left?.text ?? null, row.right?.text ?? null, row.same])).toEqual([
      ["a", "a", true],
      ["b", "x", false],
      ["c", "c", true],
      [null, "d", false],
    ]);
  });
  it("folds what is far from changes", () => {
    const left = Array.from({ length: 50 }, (_, i) => `line ${i}`);
    const right = left.with(25, "changed");
    const blocks = folded(sideBySide(left, right, difference(left, right).changes));
    expect(blocks.map((block) => [block.kind, block.rows.length])).toEqual([
      ["fold", 22],
      ["rows", 7],
      ["fold", 21],
    ]);
  });
  it("marks words within a line", () => {
    const parts = wordParts("lr: 0.01 # rate", "lr: 0.03 # rate");
    expect(parts.left.filter((part) => part.changed).map((part) => part.text)).toEqual(["0.01"]);
    expect(parts.right.filter((part) => part.changed).map((part) => part.text)).toEqual(["0.03"]);
  });
  it("can pass over white space", () => {
    const left = comparable(["a:   1", "b"], false);
    const right = comparable(["  a: 1 ", "b"], false);
    expect(difference(left, right).changes.every((one) => one.kind === "same")).toBe(true);
  });
});
