import { describe, expect, it } from "vitest";
import { escapeXml, toSvg } from "./svg";

describe("a plot as SVG", () => {
  it("holds each line, and names come out as text", () => {
    const column = Float64Array.of(1, 2, Number.NaN, 4);
    const svg = toSvg({
      title: "<script>alert(1)</script>",
      lines: [
        {
          id: "a",
          key: "k",
          runId: "a",
          label: '"><img src=x onerror=alert(1)>\u0000',
          colour: "#123",
          x: Float64Array.of(0, 1, 2, 3),
          y: column,
          raw: null,
          low: column,
          high: column,
          n: null,
          steps: null,
          times: null,
          dash: [4, 2],
          width: 2,
          right: false,
          isBaseline: false,
          ascending: true,
        },
      ],
      marks: [{ id: "1", x: 1, y: null, right: false, label: "<b>", colour: "#000" }],
      x: [0, 3],
      y: [0, 4],
      right: [0, 1],
      xScale: "linear",
      yScale: "linear",
      knee: 1,
      band: true,
      writeX: String,
      writeY: String,
    });
    const made = new DOMParser().parseFromString(svg, "image/svg+xml");
    expect(made.querySelector("parsererror")).toBeNull();
    expect(made.querySelectorAll("script, img, b")).toHaveLength(0);
    expect(made.querySelectorAll("path")).toHaveLength(2);
    // The hole in the middle begins a new stretch.
    expect(made.querySelectorAll("path")[1]!.getAttribute("d")!.match(/M/g)).toHaveLength(2);
  });

  it("drops signs that XML can't hold", () => {
    expect(escapeXml("a\u0000\u0008b&")).toBe("ab&amp;");
  });
});
