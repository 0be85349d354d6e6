/** Windowing of equal rows: only those in view are in the page, however many there are. */
import { type RefCallback, useCallback, useLayoutEffect, useRef, useState } from "react";

/** Browsers draw nothing below some tens of millions of pixels; beyond this the scrollbar is compressed. */
const MAX_HEIGHT = 12_000_000;
const OVERSCAN = 12;

export interface RowWindow {
  /** For the element that scrolls; it may come later than the component. */
  box: RefCallback<HTMLDivElement>;
  element: HTMLDivElement | null;
  first: number;
  /** One behind the last row. */
  end: number;
  /** Height of the whole, for the element inside the box. */
  height: number;
  /** Where the first drawn row stands. */
  top: number;
  /** Rows that are wholly in view, about. */
  visible: number;
  scrollTo: (row: number, where?: "nearest" | "middle" | "end") => void;
}

export function windowOf(count: number, row: number, scrollTop: number, viewport: number) {
  const whole = count * row;
  const height = Math.min(whole, MAX_HEIGHT);
  const ratio = whole > height ? (whole - viewport) / Math.max(1, height - viewport) : 1;
  const virtual = Math.max(0, Math.min(scrollTop * ratio, Math.max(0, whole - viewport)));
  const first = Math.max(0, Math.floor(virtual / row) - OVERSCAN);
  const end = Math.min(count, Math.ceil((virtual + viewport) / row) + OVERSCAN);
  return { height, ratio, first, end, top: scrollTop - virtual + first * row };
}

export function useWindow(count: number, row: number): RowWindow {
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  // Effects of the component that shows the box may scroll it before the state has come round.
  const current = useRef<HTMLDivElement | null>(null);
  const box = useCallback((found: HTMLDivElement | null) => {
    current.current = found;
    setElement(found);
  }, []);
  const [view, setView] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, [element]);
  const { height, first, end, top } = windowOf(count, row, view.top, view.height);
  const scrollTo = useCallback<RowWindow["scrollTo"]>(
    (index, where = "nearest") => {
      const element = current.current;
      if (!element) return;
      const { ratio } = windowOf(count, row, element.scrollTop, element.clientHeight);
      const from = element.scrollTop * ratio;
      const at = index * row;
      const shown = element.clientHeight;
      let to = from;
      if (where === "middle") to = at - shown / 2;
      else if (where === "end") to = at + row - shown;
      else if (at < from) to = at;
      else if (at + row > from + shown) to = at + row - shown;
      if (to !== from) element.scrollTop = to / ratio;
    },
    [count, row],
  );
  return { box, element, first, end, height, top, visible: Math.floor(view.height / row), scrollTo };
}
