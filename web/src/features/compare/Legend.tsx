/** What the colours of a chart mean: a scale from low to high, or a name each. */
import { colourOf, scaleColour, useDark } from "@/charts/colours";
import type { Scale } from "@/charts/scatterScale";
import { Swatch } from "@/ui/Facts";
import { formatNumber } from "@/ui/format";
import { Name } from "./Choices";
import styles from "./Compare.module.css";

const STEPS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const MAX_NAMES = 12;

export function Legend({
  scale,
  name,
  banded,
}: {
  scale: Scale | null;
  name: string;
  /** Categories have the colours of the scale, and not their own. */
  banded?: boolean;
}) {
  const dark = useDark();
  if (!scale) return null;
  if (scale.kind === "number") {
    return (
      <span className={styles.legend}>
        <Name text={name} />
        <span className={styles.legendScale}>
          {formatNumber(scale.low)}
          {STEPS.map((step) => (
            <i key={step} style={{ background: scaleColour(step, dark) }} />
          ))}
          <span />
          {formatNumber(scale.high)}
        </span>
      </span>
    );
  }
  const shown = scale.categories.slice(0, MAX_NAMES);
  return (
    <span className={styles.legend}>
      {shown.map((one) => (
        <span key={one} className={styles.legendScale}>
          <Swatch colour={banded ? scaleColour(scale.places.get(one) ?? 0, dark) : colourOf(one, dark)} />
          <Name text={one} />
        </span>
      ))}
      {scale.categories.length > shown.length && "…"}
    </span>
  );
}
