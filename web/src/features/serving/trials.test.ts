import { expect, it } from "vitest";
import type { Traffic } from "./data";
import { placeOf, restOf, trialsOf } from "./trials";

const traffic = {
  canaries: { "@next": 20, "7": 5.5 },
  shadows: { Staging: 100 },
} as unknown as Traffic;

it("trials are canaries and shadows by what the rule calls them", () => {
  expect(trialsOf(traffic).map((one) => [one.selector, one.percent, one.shadow])).toEqual([
    ["7", 5.5, false],
    ["@next", 20, false],
    ["Staging", 100, true],
  ]);
});

it("what canaries don't answer is the served version's; one whose share changes may have its own too", () => {
  expect(restOf(traffic)).toBe(74.5);
  expect(restOf(traffic, "@next")).toBe(94.5);
});

it("the place of a promotion is what servers were asked to follow", () => {
  expect(placeOf("models:/digits@champion", "digits")).toBe("@champion");
  expect(placeOf("models:/digits/Production", "digits")).toBe("Production");
  expect(placeOf("models:/digits/7", "digits")).toBeNull();
  expect(placeOf("models:/others@champion", "digits")).toBeNull();
});
