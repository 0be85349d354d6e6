/** The metrics of a version, alone or beside another's. */
import { useQuery } from "@tanstack/react-query";
import { type JsonNumber, toNumber } from "@/api/client";
import { formatNumber } from "@/ui/format";
import { Skeleton } from "@/ui/Notice";
import { loggedModelQuery, runQuery, type Version, versionQuery } from "./data";
import { messages } from "./messages";
import styles from "./Registry.module.css";

/** Metrics as gates see them: those of the logged model if it has any, else the last ones of the run. */
export function useFigures(version: Version | undefined): {
  metrics: Map<string, number>;
  params: Map<string, string>;
  loading: boolean;
} {
  const model = useQuery(loggedModelQuery(version?.model_id));
  const run = useQuery(runQuery(version?.run_id));
  const own = model.data?.metrics ?? [];
  const metrics = own.length
    ? own.map((metric) => [metric.key, toNumber(metric.value as JsonNumber)] as const)
    : Object.entries(run.data?.data.metrics ?? {}).map(
        ([key, value]) => [key, toNumber(value as JsonNumber)] as const,
      );
  const ownParams = Object.entries(model.data?.params ?? {});
  const params = ownParams.length ? ownParams : Object.entries(run.data?.data.params ?? {});
  return {
    metrics: new Map(metrics.filter((pair): pair is readonly [string, number] => pair[1] !== null)),
    params: new Map(params),
    loading: model.isLoading || run.isLoading,
  };
}

const signed = (difference: number): string => `${difference > 0 ? "+" : ""}${formatNumber(difference)}`;

function Figure({ value }: { value: number | undefined }) {
  return (
    <td className={styles.number} title={value === undefined ? undefined : String(value)}>
      {formatNumber(value)}
    </td>
  );
}

export function MetricsDiff({
  name,
  version,
  other,
  onlyChanged = false,
}: {
  name: string;
  version: string;
  /** What `version` is held against. */
  other?: string;
  onlyChanged?: boolean;
}) {
  const mine = useQuery(versionQuery(name, version));
  const theirs = useQuery({ ...versionQuery(name, other ?? ""), enabled: Boolean(other) });
  const a = useFigures(mine.data);
  const b = useFigures(other ? theirs.data : undefined);
  if (mine.isPending || a.loading || b.loading) return <Skeleton height={80} />;
  const keys = [...new Set([...a.metrics.keys(), ...b.metrics.keys()])]
    .filter((key) => !onlyChanged || !Object.is(a.metrics.get(key), b.metrics.get(key)))
    .sort();
  if (keys.length === 0) {
    return <p className={styles.quiet}>{other ? messages.sameMetrics : messages.noMetrics}</p>;
  }
  return (
    <section className={styles.scroll} aria-label={messages.metrics}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{messages.metric}</th>
            {other && <th className={styles.number}>{messages.versionOf(other)}</th>}
            <th className={styles.number}>{messages.versionOf(version)}</th>
            {other && <th className={styles.number}>{messages.difference}</th>}
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => {
            const one = a.metrics.get(key);
            const two = b.metrics.get(key);
            return (
              <tr key={key}>
                <td className={styles.break}>
                  <bdi>{key}</bdi>
                </td>
                {other && <Figure value={two} />}
                <Figure value={one} />
                {other && (
                  <td className={styles.number}>
                    {one !== undefined && two !== undefined ? signed(one - two) : ""}
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
