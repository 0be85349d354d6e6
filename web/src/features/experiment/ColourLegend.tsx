/** What the colours of runs mean: a mark and a name for each value, or a scale from low to high. */
import { X } from "lucide-react";
import { scaleColour, useDark } from "@/charts/colours";
import { IconButton } from "@/ui/Button";
import { formatNumber } from "@/ui/format";
import styles from "./ColourLegend.module.css";
import { ColourMark } from "./ColourMark";
import type { Colouring } from "./colouring";
import { messages } from "./messages";

const MOST_SHOWN = 8;
const STEPS = [0, 0.25, 0.5, 0.75, 1];

export function ColourLegend({ colouring, onClear }: { colouring: Colouring; onClear: () => void }) {
  const dark = useDark();
  const { scale, names, label, more } = colouring;
  const shown = names.slice(0, MOST_SHOWN);
  const rest = names.length - shown.length + more;
  const title =
    colouring.column.stat && colouring.column.stat !== "last" ? messages.figure(colouring.column) : "";
  return (
    <div className={styles.legend} role="group" aria-label={messages.colours}>
      <span className={styles.label}>
        {messages.colouredBy} <bdi>{label.slice(0, 60)}</bdi>
        {title && ` (${title})`}
      </span>
      {scale && (
        <span className={styles.scale}>
          <span>{formatNumber(scale.low)}</span>
          {STEPS.map((step) => (
            <ColourMark key={step} paint={{ colour: scaleColour(step, dark), shape: 0, fill: step }} />
          ))}
          <span>{formatNumber(scale.high)}</span>
        </span>
      )}
      {shown.length > 0 && (
        <ul className={styles.names}>
          {shown.map((one, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a value may be called what no value is called
            <li key={place} title={`${one.text.slice(0, 300)}: ${messages.runs(one.runs)}`}>
              <ColourMark paint={one} />
              <bdi>{one.text.slice(0, 40)}</bdi>
            </li>
          ))}
          {rest > 0 && <li className={styles.label}>{messages.moreValues(rest)}</li>}
        </ul>
      )}
      <IconButton label={messages.clearColours} onClick={onClear}>
        <X size={14} aria-hidden="true" />
      </IconButton>
    </div>
  );
}
