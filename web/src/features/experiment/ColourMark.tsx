/** The mark of a colour that means something: shape and filling tell it from others, beside the colour. */
import styles from "./ColourMark.module.css";
import type { Paint } from "./colouring";

export function ColourMark({
  paint,
  off = false,
}: {
  paint: Pick<Paint, "colour" | "shape" | "fill">;
  off?: boolean;
}) {
  const { colour, shape, fill } = paint;
  const level = `linear-gradient(to top, currentColor ${Math.round(fill * 100)}%, transparent 0)`;
  return (
    <span
      className={styles.mark}
      data-shape={shape}
      style={{ color: colour, background: off ? "none" : level }}
      aria-hidden="true"
    />
  );
}
