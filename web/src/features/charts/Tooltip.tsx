/** What all lines say at one place, the greatest first, with the nearest one marked. */
import { useLayoutEffect, useRef } from "react";
import type { Line, Reading } from "@/charts/lines";
import type { Plot } from "@/charts/plot";
import type { PlotView } from "@/charts/plotView";
import { formatNumber } from "@/ui/format";
import styles from "./Charts.module.css";
import { LineSample } from "./LineSample";
import { messages } from "./messages";
import { formatDelta, placeOf } from "./values";

const MOST = 12;
const GAP = 14;
const ROOMY_PX = 560;

/** The rows to show: the greatest, and the nearest wherever it stands. */
function chosen(readings: Reading[], nearest: Line | null): Reading[] {
  if (readings.length <= MOST) return readings;
  const top = readings.slice(0, MOST);
  const near = readings.find((one) => one.line === nearest);
  return near && !top.includes(near) ? [...top.slice(0, -1), near] : top;
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
  useLayoutEffect(() => {
    const element = box.current;
    const around = element?.parentElement;
    if (!element || !around) return;
    // Beside the pointer, on the side with more room.
    const at = plot.pixelOf(x);
    const isRight = at <= width / 2;
    element.style.left = isRight ? `${at + GAP}px` : "auto";
    element.style.right = isRight ? "auto" : `${width - at + GAP}px`;
    if (width > ROOMY_PX) return;
    // Only narrow panels can push it over the edge of the window, and measuring costs a layout.
    const left = isRight ? at + GAP : at - element.offsetWidth - GAP;
    const edge = around.getBoundingClientRect().left;
    const least = 4 - edge;
    const most = innerWidth - edge - element.offsetWidth - 4;
    element.style.right = "auto";
    element.style.left = `${Math.max(least, Math.min(most, left))}px`;
  });
  const rows = chosen(readings, nearest);
  const base = readings.find((one) => one.line.runId !== null && one.line.runId === baseline);
  const head = readings.find((one) => one.line === nearest) ?? rows[0]!;
  return (
    <div ref={box} className={styles.tooltip} data-kept={kept || undefined}>
      <div className={styles.tooltipHead}>{placeOf(head, view.placeKind)}</div>
      <table>
        <tbody>
          {rows.map((row) => (
            <tr key={row.line.id} data-near={row.line === nearest || undefined}>
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
