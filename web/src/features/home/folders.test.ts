import { describe, expect, it } from "vitest";
import type { Overview } from "./data";
import { foldersOf, lines } from "./folders";

function overview(name: string, changed: number, runs = 1): Overview {
  return {
    experiment: { name, last_update_time: changed, creation_time: changed, experiment_id: name },
    runs: { FINISHED: runs },
  } as unknown as Overview;
}

const shown = (...args: Parameters<typeof lines>) =>
  lines(...args).map((line) => `${" ".repeat(line.depth)}${line.name}${line.kind === "folder" ? "/" : ""}`);

describe("folders", () => {
  const all = [overview("a", 1), overview("v/digits", 5), overview("v/faces", 2), overview("v/x/deep", 3)];

  it("stand where their latest experiment would", () => {
    expect(shown(all, "updated", new Set())).toEqual(["v/", " digits", " x/", "  deep", " faces", "a"]);
  });

  it("hide what is in them when folded", () => {
    expect(shown(all, "name", new Set(["v"]))).toEqual(["a", "v/"]);
  });

  it("are not made of empty parts", () => {
    expect(["/a", "a//b", "a/", "plain"].map(foldersOf)).toEqual([[], [], [], []]);
  });

  it("sort by the number of runs", () => {
    const two = [overview("few", 1, 1), overview("many", 1, 9)];
    expect(shown(two, "runs", new Set())).toEqual(["many", "few"]);
  });
});
