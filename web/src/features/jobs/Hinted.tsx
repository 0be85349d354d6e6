/** A field with what it means below it, and what is wrong with it. */
import { type ReactNode, useId } from "react";
import styles from "./jobs.module.css";

export function Hinted({
  hint,
  wrong,
  children,
}: {
  hint?: string;
  wrong?: string;
  children: (described: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className={styles.withHint}>
      {children(id)}
      <span id={id}>
        {wrong ? (
          <span className={`${styles.wrong} ${styles.small}`}>{wrong}</span>
        ) : (
          <span className={`${styles.quiet} ${styles.small}`}>{hint}</span>
        )}
      </span>
    </div>
  );
}
