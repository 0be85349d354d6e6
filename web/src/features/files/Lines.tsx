/** A windowed list of lines of text with their numbers: code, logs, patches. */
import { type MouseEvent, type ReactNode, type RefObject, useEffect, useImperativeHandle } from "react";
import styles from "./code.module.css";
import { messages } from "./messages";
import { cutSpans, markSpans, type Span } from "./spans";
import { useWindow } from "./useWindow";

export const LINE_HEIGHT = 19;

export interface LinesHandle {
  scrollTo: (row: number, where?: "nearest" | "middle" | "end") => void;
  /** Whether the last line is in view. */
  atEnd: () => boolean;
}

export interface LinesProps {
  label: string;
  count: number;
  /** Which line stands in a row; rows may show a part of the lines only. */
  lineAt: (row: number) => number;
  spansOf: (line: number) => Span[];
  rangesOf?: (line: number) => [number, number][];
  /** A line's mark: `+` and `-` of a patch, the level of a log line. */
  markOf?: (line: number) => string | undefined;
  /** What stands between a line's number and its text. */
  cellsOf?: (line: number) => ReactNode;
  /** The line that is linked to, from 0. */
  target?: number;
  /** The line with the current hit, from 0. */
  current?: number;
  onLine?: (line: number) => void;
  onScrolled?: (atEnd: boolean) => void;
  /** The last rows come into view. */
  onNearEnd?: () => void;
  handle?: RefObject<LinesHandle | null>;
  firstNumber?: number;
  children?: ReactNode;
}

export function Lines(props: LinesProps) {
  const { count, lineAt, onNearEnd, onScrolled, handle, firstNumber = 1 } = props;
  const view = useWindow(count, LINE_HEIGHT);
  useImperativeHandle(handle, () => ({ scrollTo: view.scrollTo, atEnd: () => isAtEnd(view.element) }));
  const near = view.end >= count - 1;
  useEffect(() => {
    if (near) onNearEnd?.();
  }, [near, onNearEnd]);
  const digits = String(count + firstNumber).length;
  const rows = [];
  for (let row = view.first; row < Math.min(view.end, count); row++) rows.push(row);
  const follow = (event: MouseEvent<HTMLElement>) => {
    const line = (event.target as HTMLElement).dataset.line;
    if (line === undefined || !props.onLine) return;
    event.preventDefault();
    props.onLine(Number(line));
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the clicks are those of the line numbers, which are buttons
    <div
      ref={view.box}
      className={styles.lines}
      role="region"
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
      tabIndex={0}
      onScroll={(event) => onScrolled?.(isAtEnd(event.currentTarget))}
      onClick={follow}
    >
      <div className={styles.canvas} style={{ height: Math.max(view.height, LINE_HEIGHT) }}>
        <div className={styles.rows} style={{ transform: `translateY(${view.top}px)` }}>
          {rows.map((row) => (
            <Line key={row} {...props} line={lineAt(row)} digits={digits} number={firstNumber} />
          ))}
        </div>
      </div>
      {props.children}
    </div>
  );
}

const classesOf = (names: string) =>
  names
    .split(" ")
    .map((name) => styles[name])
    .join(" ");

function isAtEnd(box: HTMLElement | null): boolean {
  return !box || box.scrollHeight - box.scrollTop - box.clientHeight < LINE_HEIGHT * 1.5;
}

function Line({
  line,
  digits,
  number,
  spansOf,
  rangesOf,
  markOf,
  cellsOf,
  target,
  current,
  onLine,
}: LinesProps & { line: number; digits: number; number: number }) {
  const [spans, cut] = cutSpans(spansOf(line));
  const marked = rangesOf ? markSpans(spans, rangesOf(line)) : spans;
  const shown = line + number;
  return (
    <div
      className={styles.line}
      data-target={line === target || undefined}
      data-current={line === current || undefined}
      data-mark={markOf?.(line)}
    >
      {onLine ? (
        <button
          type="button"
          className={styles.number}
          style={{ minWidth: `${digits + 2}ch` }}
          data-line={line}
          tabIndex={-1}
          aria-label={messages.lineLink(shown)}
        >
          {shown}
        </button>
      ) : (
        <span className={styles.number} style={{ minWidth: `${digits + 2}ch` }} aria-hidden="true">
          {shown}
        </span>
      )}
      {cellsOf?.(line)}
      <code className={styles.code}>
        {marked.map((span, place) => {
          const Tag = span.marked ? "mark" : "span";
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a line have nothing but their place
            <Tag key={place} className={span.name && classesOf(span.name)} style={span.style}>
              {span.text}
            </Tag>
          );
        })}
        {cut > 0 && <span className={styles.cut}>{messages.cutLine(cut)}</span>}
      </code>
    </div>
  );
}
