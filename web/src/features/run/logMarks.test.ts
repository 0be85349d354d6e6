import { describe, expect, it } from "vitest";
import { LogMarks } from "./logMarks";

const HEAD = ["# assay output marks 1", "line\ttime_ms\tstream"];

describe("marks of a log", () => {
  it("hold until the next, and end where they are empty", () => {
    const marks = new LogMarks();
    marks.update([...HEAD, "1\t1000\tout", "3\t2000\terr", "5\t\t"], 0);
    expect([0, 1, 2, 3, 4, 9].map((line) => marks.at(line).stream)).toEqual([
      "out",
      "out",
      "err",
      "err",
      null,
      null,
    ]);
    expect(marks.at(3).time).toBe(2000);
  });

  it("grow, and are read anew when the file became another", () => {
    const marks = new LogMarks();
    marks.update([...HEAD, "1\t1000\tout"], 0);
    marks.update([...HEAD, "1\t1000\tout", "2\t1500\terr"], 3);
    expect(marks.at(1)).toEqual({ time: 1500, stream: "err" });
    marks.update([...HEAD, "1\t7\terr"], 0);
    expect(marks.at(1)).toEqual({ time: 7, stream: "err" });
  });

  it("skip rows that can't be read or go back", () => {
    const marks = new LogMarks();
    marks.update([...HEAD, "<b>\t1\tout", "2\t1\tboth", "4\t1\terr", "2\t9\tout", "9".repeat(400)], 0);
    expect(marks.at(1)).toEqual({ time: null, stream: null });
    expect(marks.at(50)).toEqual({ time: 1, stream: "err" });
  });
});
