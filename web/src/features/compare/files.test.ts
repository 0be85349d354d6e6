import { describe, expect, it } from "vitest";
import { pictureOf } from "./cellPicture";
import { patchFiles } from "./files";
import { picturesOf, upTo } from "./pictures";

describe("cells", () => {
  const paths = new Set([
    "seen.png",
    "tables/near.webp",
    "tables/small.webp",
    "tables/large.png",
    "notes.txt",
  ]);
  const seen = (cell: unknown) => pictureOf(cell, paths, "tables/rows.json");
  it("are pictures where the run has the file that they name", () => {
    expect(seen("seen.png")).toEqual({ path: "seen.png" });
    expect(seen("near.webp")).toEqual({ path: "tables/near.webp" });
    const logged = { type: "image", filepath: "tables/large.png", compressed_filepath: "tables/small.webp" };
    expect(seen(logged)).toEqual({ path: "tables/small.webp" });
    expect(seen({ ...logged, compressed_filepath: "https://evil.example/x.png" })).toEqual({
      path: "tables/large.png",
    });
  });
  it("may hold a raster picture themselves", () => {
    const data = "data:image/png;base64,iVBORw0KGgo=";
    expect(seen(data)).toEqual({ data });
  });
  it("never lead anywhere else", () => {
    for (const harm of [
      "https://evil.example/x.png",
      "//evil.example/x.png",
      "javascript:alert(1)//x.png",
      "../seen.png",
      "/seen.png",
      "notes.txt",
      "none.png",
      "data:image/svg+xml;base64,PHN2Zz4=",
      "data:text/html;base64,PHN2Zz4=",
      'data:image/png;base64,AAAA" onerror="alert(1)',
      { type: "image", filepath: "https://evil.example/x.png" },
      { filepath: "seen.png" },
      null,
      7,
    ]) {
      expect(seen(harm)).toBeNull();
    }
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
