import { describe, expect, it } from "vitest";
import { type Branch, locate, sizeOf } from "./tree";

const tree: Branch = {
  list: "top",
  total: 4,
  open: [
    {
      at: 1,
      branch: { list: "under 1", total: 2, open: [{ at: 0, branch: { list: "deep", total: 3, open: [] } }] },
    },
    { at: 3, branch: { list: "under 3", total: 1, open: [] } },
  ],
};

describe("rows under rows", () => {
  it("counts what is open", () => expect(sizeOf(tree)).toBe(10));
  it("finds each position once, in order", () => {
    const found = Array.from({ length: 10 }, (_, flat) => locate(tree, flat)).map(
      (place) => `${place?.list} ${place?.index} ${place?.depth}`,
    );
    expect(found).toEqual([
      "top 0 0",
      "top 1 0",
      "under 1 0 1",
      "deep 0 2",
      "deep 1 2",
      "deep 2 2",
      "under 1 1 1",
      "top 2 0",
      "top 3 0",
      "under 3 0 1",
    ]);
  });
  it("has nothing beyond its ends", () => {
    expect(locate(tree, 10)).toBeNull();
    expect(locate(tree, -1)).toBeNull();
  });
});
