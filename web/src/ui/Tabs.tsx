/** The tabs of a page: links, so that each has an address of its own. */
import { Link } from "@tanstack/react-router";
import styles from "./controls.module.css";

type Search = Record<string, unknown>;

export function Tabs<T extends string>({
  label,
  tabs,
  current,
  names,
  counts = {},
  kept = () => ({}),
}: {
  label: string;
  /** The first is the one that leaves the address empty. */
  tabs: readonly T[];
  current: T;
  names: Record<T, string>;
  /** Said behind a name where there is something to count. */
  counts?: Partial<Record<T, number>>;
  /** What of the address goes along to a tab. */
  kept?: (search: Search, to: T) => Search;
}) {
  return (
    <nav className={styles.tabs} aria-label={label}>
      {tabs.map((one) => (
        <Link
          key={one}
          className={styles.tab}
          to="."
          search={(before: Search) => ({ ...kept(before, one), tab: one === tabs[0] ? undefined : one })}
          // Without it the tab that leaves the address empty would count as open beside any other.
          activeOptions={{ explicitUndefined: true }}
          aria-current={one === current ? "page" : undefined}
        >
          {names[one]}
          {counts[one] ? ` (${counts[one]})` : ""}
        </Link>
      ))}
    </nav>
  );
}
