/** Finding in a text of any length: what is typed, which lines have it, which hit is the current one. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { FindAnswer, FindRequest } from "./find.worker";
import type { TextSource, TextState } from "./textSource";

const TYPING_MS = 150;
/** An expression that takes longer is stopped; long texts get more time, by line. */
const TIME_LIMIT_MS = 4_000;
const TIME_PER_LINE_MS = 0.01;
const NONE = new Int32Array(0);

export interface Find {
  pattern: string;
  regex: boolean;
  matchCase: boolean;
  set: (change: Partial<Pick<Find, "pattern" | "regex" | "matchCase">>) => void;
  /** Lines with hits, ascending, from 0. */
  lines: Int32Array;
  more: boolean;
  problem: "invalid" | "slow" | null;
  busy: boolean;
  /** Place of the current hit in `lines`; -1: none. */
  at: number;
  go: (to: number) => void;
  /** Where in a line the hits are. */
  rangesIn: (line: string) => [number, number][];
}

class Finder {
  private worker: Worker | null = null;
  private sent = 0;
  private timer = 0;
  private id = 0;

  constructor(private readonly source: TextSource) {}

  forget(from: number): void {
    this.sent = Math.min(this.sent, from);
  }

  stop(): void {
    window.clearTimeout(this.timer);
    this.worker?.terminate();
    this.worker = null;
    this.sent = 0;
  }

  find(what: Pick<Find, "pattern" | "regex" | "matchCase">, tell: (answer: FindAnswer | null) => void): void {
    // A worker that is still busy with what is no longer wanted is of no use.
    if (this.timer) this.stop();
    const worker = this.ready();
    const id = ++this.id;
    worker.onmessage = (event: MessageEvent<FindAnswer>) => {
      if (event.data.id !== this.id) return;
      window.clearTimeout(this.timer);
      this.timer = 0;
      tell(event.data);
    };
    this.timer = window.setTimeout(
      () => {
        this.timer = 0;
        this.stop();
        tell(null);
      },
      TIME_LIMIT_MS + this.source.lines.length * TIME_PER_LINE_MS,
    );
    this.post({ kind: "find", id, ...what });
  }

  private ready(): Worker {
    this.worker ??= new Worker(new URL("./find.worker.ts", import.meta.url), { type: "module" });
    const { lines } = this.source;
    if (this.sent < lines.length) {
      this.post({ kind: "lines", from: this.sent, text: lines.slice(this.sent).join("\n") });
      this.sent = lines.length;
    }
    return this.worker;
  }

  private post(request: FindRequest): void {
    this.worker?.postMessage(request);
  }
}

/** The expression as typed; null where it is none. */
export function expressionOf(what: Pick<Find, "pattern" | "regex" | "matchCase">): RegExp | null {
  const plain = what.pattern.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  try {
    return new RegExp(what.regex ? what.pattern : plain, what.matchCase ? "gu" : "giu");
  } catch {
    return null;
  }
}

const MAX_MARKS = 200;

export function useFind(source: TextSource, state: TextState): Find {
  const [what, setWhat] = useState({ pattern: "", regex: false, matchCase: false });
  const [found, setFound] = useState<{ lines: Int32Array; more: boolean }>({ lines: NONE, more: false });
  const [problem, setProblem] = useState<Find["problem"]>(null);
  const [busy, setBusy] = useState(false);
  const [at, setAt] = useState(-1);
  const finder = useRef<Finder | null>(null);
  const { version, changedFrom } = state;

  useEffect(() => {
    const made = new Finder(source);
    finder.current = made;
    return () => made.stop();
  }, [source]);

  const expression = useMemo(() => expressionOf(what), [what]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version of the text is to be searched too
  useEffect(() => {
    finder.current?.forget(changedFrom);
    if (!what.pattern || !expression) {
      setFound({ lines: NONE, more: false });
      setProblem(what.pattern ? "invalid" : null);
      setBusy(false);
      return;
    }
    setBusy(true);
    const timer = window.setTimeout(() => {
      finder.current?.find(what, (answer) => {
        setBusy(false);
        setProblem(answer ? null : "slow");
        setFound(answer ?? { lines: NONE, more: false });
      });
    }, TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [what, expression, version, changedFrom]);

  const safe = problem === null && what.pattern !== "" ? expression : null;
  return {
    ...what,
    set: (change) => {
      setWhat({ ...what, ...change });
      setAt(-1);
    },
    ...found,
    problem,
    busy,
    at: Math.min(at, found.lines.length - 1),
    go: (to) => setAt(found.lines.length ? (to + found.lines.length) % found.lines.length : -1),
    rangesIn: (line) => (safe && !busy ? rangesOf(safe, line) : []),
  };
}

export function rangesOf(expression: RegExp, line: string): [number, number][] {
  const ranges: [number, number][] = [];
  for (const hit of line.matchAll(expression)) {
    if (hit[0]) ranges.push([hit.index, hit.index + hit[0].length]);
    if (ranges.length >= MAX_MARKS) break;
  }
  return ranges;
}
