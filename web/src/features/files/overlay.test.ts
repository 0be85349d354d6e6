import { describe, expect, it } from "vitest";
import { paintMask, parseOverlay } from "./overlay";

describe("overlays", () => {
  it("leave out what can't be drawn and never leave their folder", () => {
    const text = JSON.stringify({
      overlay: 1,
      labels: { 1: "cat", 2: 5 },
      boxes: [{ box: [3, 4, 1, 2], label: "<b>" }, { box: [1, 2, null, 4] }, { box: "1234" }, 7, null],
      masks: [{ name: "a", file: "m.png" }, { file: "../m.png" }, { file: 3 }, "x"],
    });
    const overlay = parseOverlay(text, "val/seen.png");
    expect(overlay?.boxes).toEqual([{ x: 1, y: 2, width: 2, height: 2, label: "<b>", score: null }]);
    expect(overlay?.masks).toEqual([{ name: "a", path: "val/m.png" }]);
    expect(overlay?.labels.get(2)).toBe("");
  });

  it("are none when they are no JSON or newer", () => {
    for (const text of ["", "[]", "null", "{", '{"overlay": 2}'])
      expect(parseOverlay(text, "a.png")).toBeNull();
  });

  it("paint classes but the background, and tell which they met", () => {
    const pixels = new Uint8ClampedArray([0, 0, 0, 255, 1, 1, 1, 255, 2, 2, 2, 255]);
    const found = paintMask(pixels, (value) => (value === 2 ? null : [9, 8, 7]));
    expect([...found]).toEqual([1, 2]);
    expect([...pixels]).toEqual([0, 0, 0, 0, 9, 8, 7, 130, 2, 2, 2, 0]);
  });
});
