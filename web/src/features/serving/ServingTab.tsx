/** How a model is served: who answers, how it goes, where it is deployed, and what servers noticed. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type AuditRecord, auditQuery, deploymentsQuery } from "@/features/registry/data";
import { Section } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { deploySnippet } from "@/features/registry/snippets";
import { Snippet } from "@/ui/Copy";
import { Chip, Time } from "@/ui/Facts";
import { Boundary, ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { DeploymentTable } from "./DeploymentTable";
import { figuresQuery } from "./data";
import { LiveSection } from "./LiveSection";
import { messages } from "./messages";
import { TrafficSection } from "./TrafficSection";

const LATEST = 20;
const LOOK_EVERY_MS = 15_000;

function Deployments({ name }: { name: string }) {
  const found = useQuery({ ...deploymentsQuery(name), refetchInterval: LOOK_EVERY_MS });
  const told = useQuery(figuresQuery(name));
  const running = (found.data ?? []).filter((one) => one.ended_time === null);
  const ended = (found.data ?? []).filter((one) => one.ended_time !== null).slice(0, LATEST);
  return (
    <Section title={messages.deployments}>
      {found.isError ? (
        <ErrorNotice error={found.error} retry={() => found.refetch()} />
      ) : found.isPending ? (
        <Skeleton height={90} />
      ) : running.length + ended.length === 0 ? (
        <Notice title={messages.noneHere}>
          <p>{messages.noneHint}</p>
          <Snippet code={deploySnippet(name)} />
        </Notice>
      ) : (
        <DeploymentTable deployments={[...running, ...ended]} told={told.data} showModel={false} />
      )}
    </Section>
  );
}

const text = (record: AuditRecord, key: string): string => String(record.details[key] ?? "");

function Alerts({ name }: { name: string }) {
  const audit = useQuery({ ...auditQuery(name), refetchInterval: LOOK_EVERY_MS });
  const alerts = (audit.data ?? [])
    .filter((record) => record.action === "version.alerted")
    .slice(-LATEST)
    .reverse();
  return (
    <Section
      title={messages.alerts}
      action={
        <Link to="/models/$name" params={{ name }} search={{ tab: "history" }}>
          {messages.allHistory}
        </Link>
      }
    >
      {audit.isError ? (
        <ErrorNotice error={audit.error} retry={() => audit.refetch()} />
      ) : audit.isPending ? (
        <Skeleton height={40} />
      ) : alerts.length === 0 ? (
        <p className={registry.quiet}>{messages.noAlerts}</p>
      ) : (
        <ul className={registry.plain}>
          {alerts.map((record) => (
            <li key={record.seq} className={registry.row}>
              <Chip tone={text(record, "kind") === "trial_ended" ? "warn" : "bad"}>
                {messages.alertKinds[text(record, "kind")] ?? text(record, "kind")}
              </Chip>
              <Link to="/models/$name/$version" params={{ name, version: String(record.version) }}>
                {messages.versionOf(record.version ?? "")}
              </Link>
              <bdi className={registry.break}>{text(record, "message")}</bdi>
              <span className={registry.quiet}>
                <Time ms={record.time} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

export function ServingTab({ name }: { name: string }) {
  return (
    <>
      <Boundary>
        <TrafficSection name={name} />
      </Boundary>
      <Boundary>
        <LiveSection name={name} />
      </Boundary>
      <Boundary>
        <Deployments name={name} />
      </Boundary>
      <Boundary>
        <Alerts name={name} />
      </Boundary>
    </>
  );
}
