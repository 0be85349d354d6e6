/** Metrics with one value per run: bars, as a line of one point says nothing. */
import type { Line } from "@/charts/lines";
import { hover } from "@/features/experiment/state";
import { formatNumber } from "@/ui/format";
import styles from "./Figures.module.css";
import { messages } from "./messages";

const MOST = 300;

export function Bars({
  title,
  lines,
  onLine,
}: {
  title: string;
  lines: Line[];
  onLine: (line: Line, at: { x: number; y: number }) => void;
}) {
  const shown = lines.slice(0, MOST);
  const values = shown.map((line) => line.y[0]!).filter(Number.isFinite);
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const share = (value: number) => ((value - low) / (high - low || 1)) * 100;
  const zero = share(0);
  return (
    <div
      className={styles.bars}
      role="region"
      aria-label={messages.plotLabel(title, lines.length)}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
      tabIndex={0}
    >
      <ul>
        {shown.map((line) => {
          const value = line.y[0]!;
          const end = Number.isFinite(value) ? share(value) : zero;
          return (
            <li
              key={line.id}
              onMouseEnter={() => hover.set(line.runId ?? line.id)}
              onMouseLeave={() => hover.set(null)}
            >
              <button
                type="button"
                className={styles.nameButton}
                disabled={line.runId === null}
                onClick={(event) => {
                  const box = event.currentTarget.getBoundingClientRect();
                  onLine(line, { x: box.left, y: box.bottom });
                }}
              >
                <bdi>{line.label}</bdi>
              </button>
              <span className={styles.barTrack} aria-hidden="true">
                <span
                  className={styles.bar}
                  data-baseline={line.isBaseline || undefined}
                  style={{
                    insetInlineStart: `${Math.min(zero, end)}%`,
                    width: `${Math.max(0.4, Math.abs(end - zero))}%`,
                    background: line.colour,
                  }}
                />
              </span>
              <span className={styles.barValue}>{formatNumber(value)}</span>
            </li>
          );
        })}
      </ul>
      {lines.length > MOST && <p className={styles.quiet}>{messages.more(lines.length - MOST)}</p>}
    </div>
  );
}
