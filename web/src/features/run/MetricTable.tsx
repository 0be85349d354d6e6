/** The run's metrics with their figures, and their difference to another run. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type JsonNumber, toNumber } from "@/api/client";
import { visible } from "@/features/files/spans";
import { Button } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { TextField } from "@/ui/Field";
import { formatCount, formatNumber } from "@/ui/format";
import { byName, type Run, type Summary, SYSTEM_PREFIX, summariesQuery } from "./data";
import { messages } from "./messages";
import type { Other } from "./Overview";
import styles from "./run.module.css";

const SHOWN = 15;

/** The difference of two values, with its share where that means something. */
export function deltaText(value: number | null, before: number | null): string {
  if (value === null || before === null) return "";
  const delta = value - before;
  if (!Number.isFinite(delta)) return "";
  const sign = delta > 0 ? "+" : delta < 0 ? "−" : "±";
  const share = before === 0 || delta === 0 ? null : Math.abs(delta / before) * 100;
  const percent =
    share !== null && share < 1_000 ? ` (${sign}${formatNumber(Number(share.toPrecision(3)))} %)` : "";
  return `${sign}${formatNumber(Math.abs(delta))}${percent}`;
}

export function MetricTable({ run, other }: { run: Run; other: Other | null }) {
  const summaries = useQuery(summariesQuery(run.info.run_id));
  const [filter, setFilter] = useState("");
  const [all, setAll] = useState(false);
  const figures = new Map<string, Summary>(
    (summaries.data ?? []).map((one) => [String(one.series[0]), one] as const),
  );
  const keys = Object.keys(run.data.metrics)
    .filter((key) => !key.startsWith(SYSTEM_PREFIX))
    .sort(byName);
  const wanted = filter.toLowerCase();
  const matching = keys.filter((key) => key.toLowerCase().includes(wanted));
  const shown = all || wanted ? matching.slice(0, 2_000) : matching.slice(0, SHOWN);
  return (
    <section className={styles.section} aria-labelledby="run-metrics">
      <div className={styles.sectionHead}>
        <h2 id="run-metrics">{messages.metrics}</h2>
        <span className={styles.quiet}>{formatCount(keys.length)}</span>
        {keys.length > SHOWN && (
          <TextField
            label={messages.filterMetrics}
            hideLabel
            type="search"
            placeholder={messages.filterMetrics}
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        )}
        <span className={styles.spacer} />
        {keys.length > 0 && (
          <CopyButton label={messages.copyJson} text={() => JSON.stringify(run.data.metrics, null, 2)} />
        )}
      </div>
      {keys.length === 0 ? (
        <p className={styles.quiet}>{messages.noMetrics}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <div className={styles.scrollX} tabIndex={0} role="region" aria-labelledby="run-metrics">
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{messages.metric}</th>
                <th scope="col">{messages.last}</th>
                {other && <th scope="col">{messages.delta(visible(other.name).slice(0, 40))}</th>}
                <th scope="col">{messages.least}</th>
                <th scope="col">{messages.greatest}</th>
                <th scope="col">{messages.step}</th>
                <th scope="col">{messages.points}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((key) => (
                <MetricRow
                  key={key}
                  name={key}
                  value={run.data.metrics[key] as JsonNumber}
                  other={other}
                  figures={figures.get(key)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {matching.length > SHOWN && !wanted && (
        <Button kind="quiet" onClick={() => setAll(!all)}>
          {all ? messages.showFewer : messages.showAll(matching.length)}
        </Button>
      )}
    </section>
  );
}

function MetricRow({
  name,
  value,
  other,
  figures,
}: {
  name: string;
  value: JsonNumber;
  other: Other | null;
  figures: Summary | undefined;
}) {
  const before = other?.run.data.metrics[name] as JsonNumber | undefined;
  return (
    <tr>
      <th scope="row">
        <bdi title={visible(name).slice(0, 1_000)}>{visible(name).slice(0, 200)}</bdi>
      </th>
      <td title={String(value)}>
        <strong>{formatNumber(value)}</strong>
      </td>
      {other && (
        <td title={before === undefined ? messages.notInBaseline : messages.inBaseline(String(before))}>
          {deltaText(toNumber(value), toNumber(before)) || "–"}
        </td>
      )}
      <td>{formatNumber(figures?.min)}</td>
      <td>{formatNumber(figures?.max)}</td>
      <td>{figures && formatCount(figures.last_step)}</td>
      <td>{figures && formatCount(figures.count)}</td>
    </tr>
  );
}
