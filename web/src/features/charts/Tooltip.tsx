/** What all lines say at one place, the greatest first, with the nearest one marked. */
import { Flag } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import type { Line, Mark, Reading } from "@/charts/lines";
import type { Plot } from "@/charts/plot";
import type { PlotView } from "@/charts/plotView";
import { formatNumber } from "@/ui/format";
import { LineSample } from "./LineSample";
import { messages } from "./messages";
import styles from "./Plot.module.css";
import { formatDelta, placeOf } from "./values";

const MOST = 12;
const MOST_MARKS = 3;
/** How far from the pointer a mark may be. */
const MARK_PX = 6;
const GAP = 14;

/** The rows to show: the greatest, and the nearest wherever it stands. */
function chosen(readings: Reading[], nearest: Line | null): Reading[] {
  if (readings.length <= MOST) return readings;
  const top = readings.slice(0, MOST);
  const near = readings.find((one) => one.line === nearest);
  return near && !top.includes(near) ? [...top.slice(0, -1), near] : top;
}

/** Marks that a pointer at `x` is on. */
export function marksNear(marks: Mark[], x: number, plot: Plot): Mark[] {
  if (!marks.length) return marks;
  const here = plot.pixelOf(x);
  return marks.filter((mark) => Math.abs(plot.pixelOf(mark.x) - here) <= MARK_PX);
}

export function Tooltip({
  readings,
  nearest,
  x,
  view,
  plot,
  width,
  baseline,
  kept,
}: {
  readings: Reading[];
  nearest: Line | null;
  x: number;
  view: PlotView;
  plot: Plot;
  /** Of the plot, in pixels. */
  width: number;
  baseline: string | null;
  kept: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const size = useRef({ width: 0, edge: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    const around = element?.parentElement;
    if (!element || !around) return;
    // Watched, as asking for its width would lay the page out with each move.
    const look = () => {
      size.current = { width: element.offsetWidth, edge: around.getBoundingClientRect().left };
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (!box.current) return;
    // Beside the pointer, on the side with more room, and never beyond the edge of the window.
    const at = plot.pixelOf(x);
    const { width: own, edge } = size.current;
    const left = at <= width / 2 ? at + GAP : at - own - GAP;
    const most = document.documentElement.clientWidth - edge - own - 4;
    box.current.style.transform = `translate(${Math.round(Math.max(4 - edge, Math.min(most, left)))}px, 0)`;
  });
  const rows = chosen(readings, nearest);
  const marks = marksNear(view.marks, x, plot);
  const base = readings.find((one) => one.line.runId !== null && one.line.runId === baseline);
  const head = readings.find((one) => one.line === nearest) ?? rows[0]!;
  return (
    <div ref={box} className={styles.tooltip} data-kept={kept || undefined}>
      <div className={styles.tooltipHead}>{placeOf(head, view.placeKind)}</div>
      <table>
        <tbody>
          {rows.map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows change places with each move; texts cost less
            <tr key={i} data-near={row.line === nearest || undefined}>
              <td className={styles.tooltipName}>
                <LineSample line={row.line} />
                <bdi>{row.line.label}</bdi>
              </td>
              <td>{formatNumber(row.value)}</td>
              <td className={styles.quiet}>{aside(row, base)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {readings.length > rows.length && (
        <div className={styles.quiet}>{messages.more(readings.length - rows.length)}</div>
      )}
      {marks.slice(0, MOST_MARKS).map((mark) => (
        <div key={mark.id} className={styles.tooltipMark}>
          <Flag size={11} color={mark.colour} aria-hidden="true" />
          <bdi>{mark.label}</bdi>
        </div>
      ))}
      {marks.length > MOST_MARKS && (
        <div className={styles.quiet}>{messages.moreEvents(marks.length - MOST_MARKS)}</div>
      )}
      {kept && <div className={styles.quiet}>{messages.pinned}</div>}
    </div>
  );
}

function aside(row: Reading, base: Reading | undefined): string {
  const { line, at, value } = row;
  if (line.isBaseline) return messages.baseline;
  if (base) return formatDelta(value - base.value);
  if (line.runId === null && line.n) return messages.runsAt(line.n[at]!);
  const low = line.low?.[at];
  const high = line.high?.[at];
  return low !== undefined && high !== undefined && low < high
    ? `${formatNumber(low)} … ${formatNumber(high)}`
    : "";
}
