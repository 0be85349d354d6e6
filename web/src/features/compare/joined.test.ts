import { describe, expect, it } from "vitest";
import { patchFiles } from "./files";
import { joinTables, ordered } from "./joined";
import { picturesOf, upTo } from "./pictures";

const first = {
  columns: ["id", "label"],
  rows: [
    ["a", 1],
    ["b", 2],
    ["a", 3],
  ],
};
const second = {
  columns: ["id", "label", "score"],
  rows: [
    ["b", "2.0", 0.5],
    ["c", 9, null],
  ],
};

describe("tables of runs", () => {
  it("are joined by a column", () => {
    const joined = joinTables([first, second], "id");
    expect(joined.columns).toEqual(["label", "score"]);
    expect(joined.rows.map((row) => row.key)).toEqual(["a", "b", "c"]);
    expect(joined.repeated).toBe(1);
    expect(joined.rows[0]?.cells[1]).toBeNull();
    expect(joined.rows[1]?.cells[1]?.get("score")).toBe(0.5);
  });
  it("differ by meaning, among the tables there are", () => {
    const same = joinTables([first, null, { columns: ["id", "label"], rows: [["a", "1.0"]] }], "id");
    expect(same.rows.map((row) => row.differs)).toEqual([false, true]);
  });
  it("are joined by place too", () => {
    expect(joinTables([first, second], null).rows.map((row) => row.key)).toEqual(["1", "2", "3"]);
  });
  it("are sorted, with what is missing last", () => {
    const { rows } = joinTables([first, second], "id");
    const keys = (descending: boolean) =>
      ordered(rows, { column: "label", run: 1, descending }).map((row) => row.key);
    expect(keys(false)).toEqual(["b", "c", "a"]);
    expect(keys(true)).toEqual(["c", "b", "a"]);
  });
});

describe("pictures", () => {
  const found = picturesOf([
    "images/val~samples+step+10+timestamp+5+aa-1.png",
    "images/val~samples+step+10+timestamp+5+aa-1+compressed.webp",
    "images/val~samples+step+2+timestamp+1+bb-1.png",
    "images/val~samples+step+2+timestamp+9+bb-2.png",
    "confusion.png",
    "notes.txt",
  ]);
  it("are found by key and step, the last of each", () => {
    expect([...found.keys()]).toEqual(["val/samples", "confusion.png"]);
    expect(found.get("val/samples")?.map((one) => one.step)).toEqual([2, 10]);
    expect(found.get("val/samples")?.[0]?.path).toContain("bb-2");
    expect(found.get("val/samples")?.[1]?.small).toContain("compressed");
  });
  it("are shown up to a step", () => {
    expect(upTo(found.get("val/samples"), 9)?.step).toBe(2);
    expect(upTo(found.get("val/samples"), 1)).toBeNull();
    expect(upTo(undefined, 1)).toBeNull();
  });
});

describe("patches", () => {
  it("are taken apart by file", () => {
    const patch =
      "diff --git a/train.py b/train.py\nindex 1..2 100644\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-a\n+b\n" +
      "diff --git a/x y.md b/x y.md\nnew file mode 100644\n";
    const files = patchFiles(patch);
    expect([...files.keys()]).toEqual(["train.py", "x y.md"]);
    expect(files.get("train.py")).not.toContain("index 1..2");
    expect(patchFiles("").size).toBe(0);
  });
});
