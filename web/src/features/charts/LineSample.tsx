/** A short piece of a line: its colour, and its dashes for who can't tell colours. */
import type { Line } from "@/charts/lines";
import styles from "./Plot.module.css";

export function LineSample({ line }: { line: Pick<Line, "colour" | "dash" | "width"> }) {
  return (
    <svg className={styles.sample} width="18" height="8" aria-hidden="true">
      <line
        x1="1"
        x2="17"
        y1="4"
        y2="4"
        stroke={line.colour}
        strokeWidth={Math.max(2, line.width)}
        strokeDasharray={line.dash.join(" ") || undefined}
      />
    </svg>
  );
}
