/** The versions of a model as a table, with the metrics of their runs; two of them can be compared. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Button } from "@/ui/Button";
import { Chip, Time } from "@/ui/Facts";
import { SelectField } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { lastMetricsQuery, type Version } from "./data";
import { messages } from "./messages";
import { Person, StageBadge } from "./parts";
import styles from "./Registry.module.css";

const FIRST = 100;
/** Metrics that have a column; others are chosen instead of the first. */
const SHOWN_METRICS = 3;

export function VersionList({ versions }: { versions: Version[] }) {
  const navigate = useNavigate();
  const [shown, setShown] = useState(FIRST);
  const [chosen, setChosen] = useState<string[]>([]);
  const [metric, setMetric] = useState("");
  const rows = versions.slice(0, shown);
  const runIds = useMemo(
    () => [...new Set(versions.slice(0, shown).flatMap((one) => one.run_id || []))].sort(),
    [versions, shown],
  );
  const metrics = useQuery(lastMetricsQuery(runIds));
  const keys = useMemo(
    () => [...new Set([...(metrics.data?.values() ?? [])].flatMap((of) => [...of.keys()]))].sort(),
    [metrics.data],
  );
  const columns = metric && keys.includes(metric) ? [metric] : keys.slice(0, SHOWN_METRICS);
  const toggle = (version: string) =>
    setChosen((before) =>
      before.includes(version) ? before.filter((one) => one !== version) : [...before, version].slice(-2),
    );
  const [older, newer] = [...chosen].sort((a, b) => Number(a) - Number(b));
  const name = versions[0]?.name ?? "";
  return (
    <div className={styles.stack}>
      <div className={styles.bar}>
        <Button
          kind="primary"
          disabled={chosen.length !== 2}
          title={messages.chooseTwo}
          onClick={() =>
            newer &&
            navigate({
              to: "/models/$name/$version",
              params: { name, version: newer },
              search: { tab: "compare", with: older },
            })
          }
        >
          {messages.compareTwo(chosen.length)}
        </Button>
        {keys.length > SHOWN_METRICS && (
          <SelectField
            label={messages.metric}
            value={metric}
            onChange={(event) => setMetric(event.target.value)}
          >
            <option value="">{messages.firstOnes(SHOWN_METRICS)}</option>
            {keys.map((key) => (
              <option key={key} value={key}>
                {key.slice(0, 80)}
              </option>
            ))}
          </SelectField>
        )}
      </div>
      <section className={styles.scroll} aria-label={messages.versions}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>
                <span className="visually-hidden">{messages.compare}</span>
              </th>
              <th>{messages.version}</th>
              <th>{messages.stageLabel}</th>
              <th>{messages.aliases}</th>
              {columns.map((key) => (
                <th key={key} className={styles.number}>
                  <bdi>{key.slice(0, 60)}</bdi>
                </th>
              ))}
              <th>{messages.author}</th>
              <th>{messages.created}</th>
              <th>{messages.description}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((version) => (
              <tr key={version.version}>
                <td>
                  <input
                    type="checkbox"
                    aria-label={messages.select(version.version)}
                    checked={chosen.includes(version.version)}
                    onChange={() => toggle(version.version)}
                  />
                </td>
                <td>
                  <Link to="/models/$name/$version" params={{ name, version: version.version }}>
                    {messages.versionOf(version.version)}
                  </Link>
                </td>
                <td>
                  <StageBadge stage={version.current_stage} />
                </td>
                <td>
                  <div className={styles.row}>
                    {(version.aliases ?? []).map((alias) => (
                      <Chip key={alias} tone="accent">{`@${alias}`}</Chip>
                    ))}
                  </div>
                </td>
                {columns.map((key) => {
                  const value = metrics.data?.get(version.run_id ?? "")?.get(key);
                  return (
                    <td
                      key={key}
                      className={styles.number}
                      title={value === undefined ? undefined : String(value)}
                    >
                      {formatNumber(value)}
                    </td>
                  );
                })}
                <td>
                  <Person name={version.user_id ?? ""} />
                </td>
                <td>
                  <Time ms={version.creation_timestamp} />
                </td>
                <td>
                  <span className={styles.clamp}>
                    <bdi>{(version.description ?? "").slice(0, 300)}</bdi>
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {versions.length > shown && (
        <div>
          <Button onClick={() => setShown(shown + 500)}>{messages.more}</Button>
        </div>
      )}
    </div>
  );
}
