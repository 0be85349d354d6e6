/** The run's curves, and those of the machine it ran on. */
import { lazy } from "react";
import type { Run } from "./data";

const RunCharts = lazy(() => import("@/features/charts/RunCharts").then((m) => ({ default: m.RunCharts })));

export function ModelMetrics({ run }: { run: Run }) {
  return <RunCharts runIds={[run.info.run_id]} experimentIds={[run.info.experiment_id]} only="model" />;
}

export function SystemMetrics({ run }: { run: Run }) {
  return <RunCharts runIds={[run.info.run_id]} experimentIds={[run.info.experiment_id]} only="system" />;
}
