/** What of the table is in view, and how much room it has. */
import { type RefObject, startTransition, useCallback, useEffect, useLayoutEffect, useState } from "react";
import { columnsInView, type Rail, type View } from "./slice";
import type { TableColumn } from "./tableColumns";

const REST_MS = 150;

export interface Room {
  width: number;
  height: number;
}

export function useRoom(scroller: RefObject<HTMLDivElement | null>): Room {
  const [room, setRoom] = useState({ width: 1200, height: 700 });
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const observer = new ResizeObserver(() => setRoom({ width: box.clientWidth, height: box.clientHeight }));
    observer.observe(box);
    return () => observer.disconnect();
  }, [scroller]);
  return room;
}

export interface InView {
  view: View;
  /** The last row to be drawn. */
  end: number;
  /** The row whose elements stand first; see `Rail.inOrder`. */
  turn: number;
  /** To be called when the table was scrolled. */
  update: () => void;
}

export function useView(
  scroller: RefObject<HTMLDivElement | null>,
  rail: Rail,
  columns: TableColumn[],
  width: number,
): InView {
  const measure = useCallback((): View & { scrollTop: number } => {
    const box = scroller.current;
    const scrollTop = box?.scrollTop ?? 0;
    const [first, last] = rail.rows(scrollTop);
    const [firstCol, lastCol] = columnsInView(columns, box?.scrollLeft ?? 0, width);
    return { first, last, firstCol, lastCol, scrollTop: rail.scaled ? scrollTop : 0 };
  }, [scroller, rail, columns, width]);
  const [view, setView] = useState(measure);

  const update = useCallback(() => {
    const next = measure();
    setView((before) =>
      (Object.keys(next) as (keyof typeof next)[]).every((key) => before[key] === next[key]) ? before : next,
    );
  }, [measure]);
  useLayoutEffect(update, [update]);

  // While rows pass their elements keep their order; at rest it is that of the rows again, for who hears them read.
  const [turn, setTurn] = useState(view.first);
  useEffect(() => {
    const timer = window.setTimeout(() => setTurn(view.first), REST_MS);
    return () => window.clearTimeout(timer);
  }, [view.first]);

  // The first rows come sooner without those out of sight, which follow.
  const ready = rail.size > 0;
  const [whole, setWhole] = useState(false);
  useEffect(() => {
    if (!ready) return;
    const timer = window.setTimeout(() => startTransition(() => setWhole(true)), REST_MS);
    return () => window.clearTimeout(timer);
  }, [ready]);
  const end = Math.min(whole ? view.last : rail.lastSeen(scroller.current?.scrollTop ?? 0), rail.size - 1);

  return { view, end, turn, update };
}
