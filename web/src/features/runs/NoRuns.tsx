/** An experiment without runs: how to log the first one, and waiting for it. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { get, ROOT } from "@/api/client";
import { Snippet } from "@/ui/Copy";
import { Chip } from "@/ui/Facts";
import { messages } from "./messages";
import styles from "./RunTable.module.css";

/** Python that logs a run here. JSON texts are Python texts as well. */
export function firstRunSnippet(server: string, experiment: string): string {
  return [
    "import assay",
    "",
    `assay.set_tracking_uri(${JSON.stringify(server)})`,
    `assay.set_experiment(${JSON.stringify(experiment)})`,
    "with assay.start_run():",
    '    assay.log_param("learning_rate", 0.01)',
    "    for step in range(100):",
    '        assay.log_metric("loss", 1 / (step + 1), step=step)',
  ].join("\n");
}

export function NoRuns({
  experimentIds,
  onRun,
}: {
  experimentIds: string[];
  onRun: (waits: boolean) => void;
}) {
  const first = experimentIds[0] ?? "";
  const name = useQuery({
    queryKey: ["experiment", first],
    queryFn: ({ signal }) =>
      get("/api/2.0/mlflow/experiments/get", { experiment_id: first }, signal).then((a) => a.experiment),
    staleTime: 60_000,
  }).data?.name;
  useEffect(() => {
    onRun(true);
    return () => onRun(false);
  }, [onRun]);
  return (
    <section className={styles.empty} aria-labelledby="no-runs">
      <h2 id="no-runs">{messages.emptyTitle}</h2>
      <p>{messages.emptyHint}</p>
      <Snippet code={firstRunSnippet(ROOT.toString().replace(/\/$/, ""), name ?? "")} />
      <p role="status">
        <Chip tone="busy">{messages.listening}</Chip>
      </p>
    </section>
  );
}
