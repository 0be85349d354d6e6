import { describe, expect, test } from "vitest";
import { ansiSpans, applySgr, lookAfter, paletteColour, plainLine } from "./ansi";
import { hexRows } from "./BytesView";
import { seriesImage, seriesOf } from "./imageSeries";
import { firstOpen, jsonRows, parseJson } from "./jsonRows";
import { languageOf, viewsOf } from "./kinds";
import { peaks } from "./MediaView";
import { readNotebook } from "./notebook";
import { clientUri, cliSnippet, pythonSnippet, quotedShell } from "./place";
import { cutSpans, markSpans, visible } from "./spans";
import { patchMark } from "./TextView";
import { TextSource } from "./textSource";
import { tokenLines } from "./tokens";
import { treeKey } from "./treeKeys";
import { expressionOf, rangesOf } from "./useFind";
import { nextSort } from "./useTable";
import { windowOf } from "./useWindow";

const ESC = "\u001b";

describe("ANSI escapes", () => {
  test("colours and styles become names, and end where they are switched off", () => {
    expect(ansiSpans(`a${ESC}[1;31mb${ESC}[0mc`)).toEqual([
      { text: "a", name: undefined, style: undefined },
      { text: "b", name: "bold red", style: undefined },
      { text: "c", name: undefined, style: undefined },
    ]);
  });

  test("256 colours and true colours take their numbers with them", () => {
    expect(paletteColour(196)).toBe("#ff0000");
    expect(paletteColour(232)).toBe("#080808");
    expect(applySgr({}, "38;5;196;1")).toEqual({ colour: "#ff0000", bold: true });
    expect(applySgr({}, "38;2;1;2;3;4")).toEqual({ colour: "#010203", underline: true });
  });

  test("a look goes on in the next line", () => {
    expect(lookAfter(`${ESC}[32mstarts`, {})).toEqual({ colour: "green" });
  });

  test("links, titles and movements are left out, and so is a cut escape", () => {
    const line = `${ESC}]8;;https://example.org${ESC}\\text${ESC}]8;;${ESC}\\${ESC}[2K${ESC}[1Aend${ESC}`;
    expect(plainLine(line)).toBe("textend");
  });
});

describe("spans", () => {
  test("hits are marked across spans", () => {
    const marked = markSpans([{ text: "abc", name: "x" }, { text: "def" }], [[2, 4]]);
    expect(marked.filter((span) => span.marked).map((span) => span.text)).toEqual(["c", "d"]);
    expect(marked.map((span) => span.text).join("")).toBe("abcdef");
  });

  test("long lines are cut, and it is told by how much", () => {
    const [spans, cut] = cutSpans([{ text: "abcd" }, { text: "efgh" }], 5);
    expect([spans.map((span) => span.text).join(""), cut]).toEqual(["abcde", 3]);
  });

  test("characters that turn text around are seen", () => {
    expect(visible("a\u202eb\tc\u0007")).toBe("a�b\tc\u2407");
  });
});

function sourceOf(
  content: string,
  piece: number,
): { source: TextSource; grow: (more: string) => void; replace: (by: string) => void } {
  let text = content;
  const read = async ({ offset, limit }: { offset: number; limit: number }) => {
    const size = text.length;
    let start = offset < 0 ? Math.max(0, size + offset) : Math.min(offset, size);
    if (offset < 0 && start) start = text.indexOf("\n", start - 1) + 1;
    let end = Math.min(size, start + limit);
    if (end < size && text.lastIndexOf("\n", end - 1) >= start) end = text.lastIndexOf("\n", end - 1) + 1;
    const part = text.slice(start, end);
    return { text: part, offset: start, end, size, encoding: "utf-8", binary: false, head: "" };
  };
  return {
    source: new TextSource(read, piece),
    grow: (more) => {
      text += more;
    },
    replace: (by) => {
      text = by;
    },
  };
}

describe("text that is read in pieces", () => {
  test("pieces join to lines, wherever they were cut", async () => {
    const { source } = sourceOf(`${"x".repeat(30)}\nshort\nlast`, 8);
    await source.until(() => false);
    expect(source.lines).toEqual(["x".repeat(30), "short", "last"]);
    expect(source.get().complete).toBe(true);
  });

  test("an unfinished last line is read again when the text grew", async () => {
    const { source, grow } = sourceOf("one\ntw", 100);
    await source.more();
    grow("o\nthree\n");
    await source.tail();
    expect(source.lines).toEqual(["one", "two", "three"]);
    expect(source.get().changedFrom).toBe(1);
    await source.tail();
    expect(source.lines).toEqual(["one", "two", "three"]);
  });

  test("a text that became shorter is read anew", async () => {
    const { source, replace } = sourceOf("one\ntwo\n", 100);
    await source.more();
    replace("new\n");
    await source.tail();
    expect(source.lines).toEqual(["new"]);
  });

  test("of a large text only the end is kept", async () => {
    const { source } = sourceOf("aaaa\nbbbb\ncccc\ndddd\n", 10);
    await source.fromEnd(11);
    await source.until(() => false);
    expect(source.lines).toEqual(["cccc", "dddd"]);
    expect(source.start).toBe(10);
  });
});

describe("views", () => {
  test("a name decides which views there are", () => {
    expect(viewsOf("a/model/MLmodel")[0]).toBe("header");
    expect(viewsOf("x.PNG")[0]).toBe("image");
    expect(viewsOf("scan.PLY")[0]).toBe("shape");
    expect(viewsOf("fig.plotly.json")[0]).toBe("figure");
    expect(viewsOf("unknown.zzz")).toEqual(["text", "bytes"]);
    expect(languageOf("src/Dockerfile.gpu")).toBe("dockerfile");
  });

  test("windows of many rows stay within what a browser can draw", () => {
    const all = windowOf(2_000_000, 19, 12_000_000 - 500, 500);
    expect(all.height).toBe(12_000_000);
    expect(all.end).toBe(2_000_000);
    expect(windowOf(100, 20, 400, 200)).toMatchObject({ first: 8, end: 42, top: 160 });
  });

  test("JSON of Python is read, with its bare NaN", () => {
    expect(parseJson('{"a": NaN, "b": "NaN, \\"x", "c": -Infinity}')).toEqual({
      a: "NaN",
      b: 'NaN, "x',
      c: "-Infinity",
    });
    expect(() => parseJson("{")).toThrow();
  });

  test("only what is open of a JSON document has rows", () => {
    const value = parseJson('{"a": {"b": [1, 2]}, "c": 3}');
    expect(jsonRows(value, new Set([""])).map((row) => row.name)).toEqual(["", "a", "c"]);
    expect(jsonRows(value, firstOpen(value))).toHaveLength(6);
  });

  test("notebooks give cells; HTML outputs are left out", () => {
    const notebook = readNotebook({
      nbformat: 4,
      cells: [
        { cell_type: "markdown", source: ["# a\n", "b"] },
        {
          cell_type: "code",
          execution_count: 3,
          source: "x",
          outputs: [
            { output_type: "display_data", data: { "text/html": "<b>", "text/plain": "p" } },
            { output_type: "display_data", data: { "image/png": "iVBORw0KGgo=\n" } },
            { output_type: "display_data", data: { "image/png": "javascript:alert(1)" } },
          ],
        },
      ],
    });
    expect(notebook?.cells[0]?.source).toBe("# a\nb");
    expect(notebook?.cells[1]?.outputs).toEqual([
      { kind: "left-out", text: "p" },
      { kind: "picture", src: "data:image/png;base64,iVBORw0KGgo=", text: "" },
      { kind: "left-out", text: "" },
    ]);
    expect(readNotebook([1])).toBeNull();
  });

  test("pictures of one key belong together by step", () => {
    const path = (step: number) => `images/cat+step+${step}+timestamp+5+0a1b.png`;
    const image = seriesImage(path(2));
    const entries = [10, 2, 9].map((step) => ({ path: path(step), is_dir: false, size: 1 }));
    expect(seriesOf(image!, entries).map((one) => one.step)).toEqual([2, 9, 10]);
    expect(seriesImage("images/plain.png")).toBeNull();
  });

  test("the lines of a patch that name files are no changes", () => {
    const lines = ["--- a/x", "+++ b/x", "@@ -1 +1 @@", "--- removed", "+added", " same"];
    expect(lines.map((_, row) => patchMark(lines, row))).toEqual(["file", "file", "@", "-", "+", undefined]);
  });

  test("markup of the highlighter becomes plain pieces, and nothing else does", () => {
    const lines = tokenLines('<span class="hljs-string">&quot;a\nb&lt;img&gt;&quot;</span> c');
    expect(lines).toEqual([
      [["string", '"a']],
      [
        ["string", 'b<img>"'],
        ["", " c"],
      ],
    ]);
  });

  test("bytes and samples", () => {
    expect(hexRows(new Uint8Array([65, 0]))).toEqual([{ at: "000000", hex: "41 00", text: "A·" }]);
    expect(peaks(new Float32Array([0.5, -0.25, 0.1, 0.2]), 2)).toEqual([
      [-0.25, 0.5],
      [0, 0.20000000298023224],
    ]);
  });

  test("a column is sorted up, down, and no more", () => {
    const up = nextSort(null, "a");
    const down = nextSort(up, "a");
    expect([up?.descending, down?.descending, nextSort(down, "a")]).toEqual([false, true, null]);
  });
});

describe("finding", () => {
  test("plain text is no expression", () => {
    const plain = expressionOf({ pattern: "a.b(", regex: false, matchCase: false });
    expect(rangesOf(plain!, "xA.B( a_b(")).toEqual([[1, 5]]);
    expect(expressionOf({ pattern: "(", regex: true, matchCase: false })).toBeNull();
  });
});

describe("keys of a tree", () => {
  const rows = [
    { depth: 0, open: true },
    { depth: 1, open: false },
    { depth: 1, open: null },
  ];
  test("right opens, left closes or goes to the parent", () => {
    expect(treeKey("ArrowRight", rows, 1, 5)).toEqual({ kind: "fold", open: true });
    expect(treeKey("ArrowLeft", rows, 2, 5)).toEqual({ kind: "move", to: 0 });
    expect(treeKey("ArrowLeft", rows, 0, 5)).toEqual({ kind: "fold", open: false });
    expect(treeKey("End", rows, 0, 5)).toEqual({ kind: "move", to: 2 });
    expect(treeKey("x", rows, 0, 5)).toBeNull();
  });
});

describe("snippets", () => {
  test("names never leave their quotes", () => {
    const place = { run_id: "r" };
    expect(quotedShell("a'; rm -rf ~")).toBe(`'a'"'"'; rm -rf ~'`);
    expect(cliSnippet(place, "a b.txt")).toBe("assay artifacts get r 'a b.txt'");
    expect(cliSnippet({ model_id: "m" }, "x")).toBeNull();
    expect(pythonSnippet(place, 'x")')).toContain('"runs:/r/x\\")"');
    expect(clientUri({ version: "digits/3" }, "")).toBe("models:/digits/3");
  });
});
