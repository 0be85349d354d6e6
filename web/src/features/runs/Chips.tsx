/** The conditions of the filter, each of which can be taken out. */
import { X } from "lucide-react";
import { filterOf } from "@/features/experiment/data";
import { terms, without } from "./filters";
import { messages } from "./messages";
import styles from "./RunTable.module.css";

const MOST_SHOWN = 120;

export function Chips({
  query,
  onChange,
}: {
  query: string | undefined;
  onChange: (query: string | undefined) => void;
}) {
  const filter = filterOf(query);
  // Plain words stand in the box as they are: as conditions they would only be harder to read.
  if (!filter || filter !== (query ?? "").trim()) return null;
  const parts = terms(filter);
  return (
    <ul className={styles.chips} aria-label={messages.chips}>
      {parts.map((term) => (
        <li key={term} className={styles.chip}>
          <bdi title={term}>{term.length > MOST_SHOWN ? `${term.slice(0, MOST_SHOWN)}…` : term}</bdi>
          <button
            type="button"
            aria-label={messages.dropChip(term)}
            onClick={() => onChange(without(filter, term) || undefined)}
          >
            <X size={12} />
          </button>
        </li>
      ))}
    </ul>
  );
}
