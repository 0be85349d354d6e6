/** What a run's head says of reproduction: the verdict, which opens the report, and the run that it repeats. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { visible } from "@/features/files/spans";
import { type Run, runQuery } from "@/features/run/data";
import { originalOf, verdictOf } from "./data";
import { messages } from "./messages";
import styles from "./reproduction.module.css";
import { VerdictChip } from "./VerdictChip";

export function HeadBadge({ run }: { run: Run }) {
  const verdict = verdictOf(run.data.tags);
  if (!verdict) return null;
  return (
    <Link
      to="/runs/$runId"
      params={{ runId: run.info.run_id }}
      search={(before) => ({ ...before, tab: "reproduction" })}
      className={styles.badge}
      title={messages.verdictHint}
    >
      <VerdictChip verdict={verdict} words={messages.verdicts[verdict]} />
    </Link>
  );
}

export function OriginalLink({ run }: { run: Run }) {
  const original = originalOf(run.data.tags);
  if (!original) return null;
  return (
    <span>
      {messages.reproduces} <RunLink runId={original} />
    </span>
  );
}

/** A run by its name, as soon as that is known. */
export function RunLink({ runId }: { runId: string }) {
  const { data } = useQuery(runQuery(runId));
  return (
    <Link to="/runs/$runId" params={{ runId }}>
      <bdi>{visible(data?.info.run_name ?? runId).slice(0, 200)}</bdi>
    </Link>
  );
}
