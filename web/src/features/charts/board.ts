/** What all panels of a page share. */
import { createContext, useContext } from "react";
import type { BuildRun } from "./build";
import type { ChartEvent } from "./events";
import type { ChartState } from "./state";

/** What can be done with a run that a line belongs to; what a page can't do is missing. */
export interface RunActions {
  open: (runId: string) => void;
  pin?: (runId: string) => void;
  hide?: (runId: string) => void;
  setBase?: (runId: string | null) => void;
  isPinned: (runId: string) => boolean;
}

export type SetCharts = (change: Partial<ChartState>, options?: { replace?: boolean }) => void;

export interface Board {
  experimentIds: string[];
  runs: BuildRun[];
  groupColours: ReadonlyMap<string, string>;
  /** Runs that stay visible in a heat map: pinned ones and the baseline. */
  strong: ReadonlySet<string>;
  keys: string[];
  baseline: string | null;
  state: ChartState;
  set: SetCharts;
  actions: RunActions;
  events: ChartEvent[];
  /** Union of the ranges of y, where all panels share one. */
  sharedY: SharedY;
}

/** The ranges of y that panels in view draw, and that the server knows of the others, so that all can share one. */
export class SharedY {
  private readonly ranges = new Map<unknown, [number, number]>();
  private readonly listeners = new Set<() => void>();
  private whole: [number, number] | null = null;

  /** What one of them spans: whose, and null for nothing. */
  report(panel: unknown, range: [number, number] | null): void {
    if (range) this.ranges.set(panel, range);
    else this.ranges.delete(panel);
    const all = [...this.ranges.values()];
    const next: [number, number] | null = all.length
      ? [Math.min(...all.map(([low]) => low)), Math.max(...all.map(([, high]) => high))]
      : null;
    if (next?.[0] === this.whole?.[0] && next?.[1] === this.whole?.[1]) return;
    this.whole = next;
    for (const listener of this.listeners) listener();
  }

  get = (): [number, number] | null => this.whole;

  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export const BoardContext = createContext<Board | null>(null);

export function useBoard(): Board {
  const board = useContext(BoardContext);
  if (!board) throw new Error("A panel stands outside of a board");
  return board;
}
