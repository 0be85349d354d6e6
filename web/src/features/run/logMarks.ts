/** Which stream each line of a log came from, and when: the marks that were kept beside it, read as they come. */

export const MARKS_PATH = "assay/output.marks.tsv";

export interface Mark {
  /** Milliseconds since 1970; null where it was not kept. */
  time: number | null;
  stream: "out" | "err" | null;
}

const UNKNOWN: Mark = { time: null, stream: null };
const ROW = /^(\d{1,15})\t(\d{0,15})\t(out|err|)$/;

export class LogMarks {
  /** Lines from 0, ascending; what is said of one holds until the next. */
  private lines: number[] = [];
  private marks: Mark[] = [];
  private read = 0;

  /** Bring up to date with the rows of the file, of which those before `from` are known. */
  update(rows: readonly string[], from: number): void {
    if (from < this.read) {
      this.lines = [];
      this.marks = [];
      this.read = 0;
    }
    for (; this.read < rows.length; this.read++) {
      const found = ROW.exec(rows[this.read] as string);
      if (!found) continue;
      const line = Number(found[1]) - 1;
      if (line < (this.lines.at(-1) ?? 0)) continue;
      this.lines.push(line);
      this.marks.push({
        time: found[2] ? Number(found[2]) : null,
        stream: (found[3] || null) as Mark["stream"],
      });
    }
  }

  get known(): boolean {
    return this.marks.length > 0;
  }

  at(line: number): Mark {
    let low = 0;
    let high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.lines[middle] as number) <= line) low = middle + 1;
      else high = middle;
    }
    return this.marks[low - 1] ?? UNKNOWN;
  }
}
