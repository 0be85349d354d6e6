/** The lines of a panel as a table of figures. */
import { useMemo } from "react";
import type { Line } from "@/charts/lines";
import { hover } from "@/features/experiment/state";
import { formatCount, formatNumber } from "@/ui/format";
import styles from "./Figures.module.css";
import { figuresOf } from "./figures";
import { LineSample } from "./LineSample";
import { messages } from "./messages";
import { formatDelta } from "./values";

const MOST = 200;

export function ValuesTable({
  title,
  lines,
  onLine,
}: {
  title: string;
  lines: Line[];
  onLine?: (line: Line, at: { x: number; y: number }) => void;
}) {
  const rows = useMemo(() => lines.slice(0, MOST).map(figuresOf), [lines]);
  const base = rows.find((row) => row.line.isBaseline);
  const { table } = messages;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <div className={styles.values} role="region" aria-label={messages.dataTitle(title)} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{table.line}</th>
            <th scope="col">{table.last}</th>
            {base && <th scope="col">{table.delta}</th>}
            <th scope="col">{table.min}</th>
            <th scope="col">{table.max}</th>
            <th scope="col">{table.mean}</th>
            <th scope="col">{table.points}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={row.line.id}
              onMouseEnter={() => hover.set(row.line.runId ?? row.line.id)}
              onMouseLeave={() => hover.set(null)}
            >
              <th scope="row">
                <LineSample line={row.line} />
                {row.line.runId && onLine ? (
                  <button
                    type="button"
                    className={styles.nameButton}
                    onClick={(event) => {
                      const box = event.currentTarget.getBoundingClientRect();
                      onLine(row.line, { x: box.left, y: box.bottom });
                    }}
                  >
                    <bdi>{row.line.label}</bdi>
                  </button>
                ) : (
                  <bdi>{row.line.label}</bdi>
                )}
              </th>
              <td>{formatNumber(row.last)}</td>
              {base && <td>{row === base ? "" : formatDelta(row.last - base.last)}</td>}
              <td>{formatNumber(row.min)}</td>
              <td>{formatNumber(row.max)}</td>
              <td>{formatNumber(row.mean)}</td>
              <td>{formatCount(row.points)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > MOST && <p className={styles.quiet}>{messages.dataCut(MOST, lines.length)}</p>}
    </div>
  );
}
