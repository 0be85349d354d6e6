/** What the lines of a log are: their levels, the looks in which they begin, and the exception at the end. */
import { hasEscapes, type Look, lookAfter, plainLine } from "@/features/files/ansi";

export const LEVELS = ["debug", "info", "warning", "error"] as const;
export type Level = (typeof LEVELS)[number];

const WORDS: [RegExp, Level][] = [
  [/\b(?:ERROR|CRITICAL|FATAL)\b|^(?:E|F)\d{4} /, "error"],
  [/\bWARN(?:ING)?\b|^W\d{4} |\b\w*Warning:/, "warning"],
  [/\bINFO\b|^I\d{4} /, "info"],
  [/\b(?:DEBUG|TRACE)\b|^D\d{4} /, "debug"],
];
const LOOKED_AT = 300;
const TRACEBACK = "Traceback (most recent call last):";
const EXCEPTION =
  /^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Group|Iteration)?(?::|$)/;

/** The level that a line names; null if it names none. */
export function levelOf(line: string): Level | null {
  const text = line.slice(0, LOOKED_AT);
  if (text.startsWith(TRACEBACK)) return "error";
  return WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

/** Levels and looks of all lines, brought up to date from the line that changed. */
export class LogIndex {
  /** Place in `LEVELS`, one per line. A line without a level has that of the line it belongs to. */
  private levels = new Uint8Array(1024);
  private count = 0;
  /** Lines that begin in a look of their own; ascending. */
  private readonly looks: { line: number; look: Look }[] = [];
  private inTraceback = false;

  update(lines: readonly string[], from: number): void {
    const start = Math.min(from, this.count);
    while (this.looks.length && (this.looks.at(-1)?.line ?? 0) > start) this.looks.pop();
    if (lines.length > this.levels.length) {
      const larger = new Uint8Array(Math.max(lines.length, this.levels.length * 2));
      larger.set(this.levels);
      this.levels = larger;
    }
    let look = this.lookAt(start);
    for (let i = start; i < lines.length; i++) {
      const line = lines[i] as string;
      const plain = plainLine(line.slice(0, LOOKED_AT * 2));
      this.levels[i] = LEVELS.indexOf(this.next(plain, i));
      if (hasEscapes(line)) {
        look = lookAfter(line, look);
        this.looks.push({ line: i + 1, look });
      }
    }
    this.count = lines.length;
  }

  private next(plain: string, line: number): Level {
    const named = levelOf(plain);
    if (plain.startsWith(TRACEBACK)) this.inTraceback = true;
    else if (this.inTraceback && named === null && !/^\s|^$/.test(plain)) {
      // The line with the exception is the last of its traceback.
      this.inTraceback = false;
      return EXCEPTION.test(plain) ? "error" : "info";
    }
    if (named) return named;
    const before = line ? (LEVELS[this.levels[line - 1] as number] as Level) : "info";
    // Indented lines go on with what is above; others are plain output.
    return this.inTraceback || /^\s/.test(plain) ? before : "info";
  }

  levelAt(line: number): Level {
    return LEVELS[this.levels[line] ?? 1] as Level;
  }

  lookAt(line: number): Look {
    let low = 0;
    let high = this.looks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.looks[middle]?.line ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return this.looks[low - 1]?.look ?? {};
  }

  /** Lines of this level and above. */
  atLeast(level: Level): number[] {
    const least = LEVELS.indexOf(level);
    const found: number[] = [];
    for (let i = 0; i < this.count; i++) if ((this.levels[i] as number) >= least) found.push(i);
    return found;
  }
}

/** The last traceback of an output: its exception, and the lines before it. */
export function lastException(lines: readonly string[]): { title: string; lines: string[] } | null {
  const plain = lines.map(plainLine);
  const start = plain.findLastIndex((line) => line.trimStart().startsWith(TRACEBACK));
  if (start < 0) return null;
  const after = plain.slice(start + 1);
  const end = after.findIndex((line) => line !== "" && !/^\s/.test(line));
  if (end < 0) return null;
  return { title: after[end] as string, lines: plain.slice(start, start + end + 2) };
}
