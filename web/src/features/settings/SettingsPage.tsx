/** How this server is set up, who the reader is to it, and the webhooks. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { address, get } from "@/api/client";
import { useServerFacts } from "@/features/home/data";
import { Chip, Time } from "@/ui/Facts";
import { formatBytes, formatCount } from "@/ui/format";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { messages } from "./messages";
import styles from "./settings.module.css";
import { Webhooks } from "./Webhooks";

export function useWhoAmI() {
  return useQuery({
    queryKey: ["whoami"],
    queryFn: ({ signal }) => get("/api/assay/v1/whoami", undefined, signal),
    staleTime: 5 * 60_000,
  });
}

function Section({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <section className={styles.section} aria-label={title}>
      <h2>{title}</h2>
      {hint && <p className={styles.quiet}>{hint}</p>}
      {children}
    </section>
  );
}

function You() {
  const { data, isError, error } = useWhoAmI();
  if (isError) return <ErrorNotice error={error} />;
  if (!data) return <Skeleton height={40} />;
  if (data.auth === "none") return <p>{messages.anybody}</p>;
  return (
    <dl className={styles.facts}>
      <dt>{messages.signedIn(data.name)}</dt>
      <dd />
      <dt>{messages.roles}</dt>
      <dd className={styles.chips}>
        {data.roles.map((role) => (
          <Chip key={role}>{role}</Chip>
        ))}
      </dd>
      <dt>{messages.may}</dt>
      <dd className={styles.chips}>
        {data.permissions.map((one) => (
          <Chip key={one}>{one}</Chip>
        ))}
      </dd>
    </dl>
  );
}

function Server() {
  const { data, isError, error, refetch } = useServerFacts();
  if (isError) return <ErrorNotice error={error} retry={() => refetch()} />;
  if (!data) return <Skeleton height={160} />;
  const rows: [string, ReactNode][] = [
    [messages.version, data.version],
    [messages.schema, data.schema_version],
    [messages.python, data.python],
    [
      messages.store,
      data.store_size_bytes === null
        ? data.store_kind
        : `${data.store_kind}, ${formatBytes(data.store_size_bytes)}`,
    ],
    [messages.artifacts, data.artifacts_kind],
    ...data.disks.map((disk): [string, ReactNode] => [
      messages.disk[disk.what] ?? disk.what,
      messages.free(formatBytes(disk.free_bytes), formatBytes(disk.total_bytes)),
    ]),
    [messages.started, <Time key="started" ms={data.started} />],
    [messages.experiments, formatCount(data.experiments)],
    [messages.runs, formatCount(Object.values(data.runs).reduce((sum, count) => sum + count, 0))],
  ];
  return (
    <>
      <dl className={styles.facts}>
        {rows.map(([name, value]) => (
          <div key={name} className={styles.fact}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h3>{messages.settings}</h3>
      {data.settings === null ? (
        <p className={styles.quiet}>{messages.notAdmin}</p>
      ) : (
        <>
          <p className={styles.quiet}>{messages.settingsHint}</p>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{messages.name}</th>
                <th scope="col">{messages.value}</th>
              </tr>
            </thead>
            <tbody>
              {data.settings.map((setting) => (
                <tr key={setting.name}>
                  <th scope="row">
                    <code>{setting.name}</code>
                  </th>
                  <td>
                    <bdi>{setting.value}</bdi> {setting.is_default && <Chip>{messages.isDefault}</Chip>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

export function SettingsPage() {
  useEffect(() => {
    document.title = `${messages.title} · Assay`;
  }, []);
  return (
    <div className={styles.page}>
      <h1>{messages.title}</h1>
      <Section title={messages.you}>
        <You />
      </Section>
      <Section title={messages.webhooks} hint={messages.webhooksHint}>
        <Webhooks />
      </Section>
      <Section title={messages.server}>
        <Server />
      </Section>
      <Section title={messages.api} hint={messages.apiHint}>
        <a href={address("/api/assay/v1/docs")}>{messages.apiLink}</a>
      </Section>
    </div>
  );
}
