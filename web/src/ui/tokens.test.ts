// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** The pairs of colours that stand on each other, and the contrast that WCAG AA asks of them. */
const TEXT = 4.5;
const GRAPHICS = 3;
const SURFACES = ["page", "raised", "soft"];
const PAIRS: [string, string, number][] = [
  ...SURFACES.flatMap((surface): [string, string, number][] => [
    ["text", surface, TEXT],
    ["quiet", surface, TEXT],
    ["accent", surface, TEXT],
    ["good", surface, TEXT],
    ["bad", surface, TEXT],
    ["busy", surface, TEXT],
    ["warn", surface, TEXT],
    ["edge", surface, GRAPHICS],
    ["focus", surface, GRAPHICS],
  ]),
  ["text", "softer", TEXT],
  ["quiet", "softer", TEXT],
  ["good", "softer", TEXT],
  ["busy", "softer", TEXT],
  ["on-accent", "accent", TEXT],
  ["accent", "accent-soft", TEXT],
  ["text", "accent-soft", TEXT],
  ["bad", "bad-soft", TEXT],
  ["text", "bad-soft", TEXT],
  ["warn", "warn-soft", TEXT],
  ["text", "warn-soft", TEXT],
];

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const tokens = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map((found) => [
    found[1],
    { light: found[2] ?? "", dark: found[3] ?? "" },
  ]),
);

/** Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

describe.each(["light", "dark"] as const)("in the %s theme", (theme) => {
  it.each(PAIRS)("%s on %s can be told apart (%d)", (front, back, least) => {
    const colours = [tokens.get(front)?.[theme], tokens.get(back)?.[theme]];
    expect(colours.every(Boolean)).toBe(true);
    expect(contrast(colours[0] ?? "", colours[1] ?? "")).toBeGreaterThanOrEqual(least);
  });
});
