/** A version of a registered model. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ChevronDown, EllipsisVertical } from "lucide-react";
import { useState } from "react";
import { useMe } from "@/app/me";
import { Button, IconButton } from "@/ui/Button";
import { Chip } from "@/ui/Facts";
import { Menu } from "@/ui/Menu";
import { Boundary, ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Tabs } from "@/ui/Tabs";
import { AuditTab } from "./AuditTab";
import { ROLLED_BACK } from "./Board";
import { CompareVersions } from "./CompareVersions";
import { isMissing, policyQuery, type Version, versionQuery, versionsQuery } from "./data";
import { FilesFace } from "./FilesFace";
import { Gone } from "./Gone";
import { LineageGraph } from "./LineageGraph";
import { MetricsDiff } from "./MetricsDiff";
import { DeleteVersion } from "./ModelDialogs";
import { EnvironmentSection, SchemaFace } from "./ModelFiles";
import { MoveDialog } from "./MoveDialog";
import { messages } from "./messages";
import { pairs, Section, StageBadge, stageName, useTitle } from "./parts";
import styles from "./Registry.module.css";
import { holderAmong, stagesOf } from "./rules";
import { VersionOverview } from "./VersionOverview";

const route = getRouteApi("/models/$name/$version");
const TABS = [
  "overview",
  "schema",
  "metrics",
  "environment",
  "files",
  "lineage",
  "compare",
  "history",
] as const;
type Tab = (typeof TABS)[number];

/** The metrics, against whoever holds Production, or else the stage that is furthest on. */
function Metrics({ version }: { version: Version }) {
  const versions = useQuery(versionsQuery(version.name));
  const policy = useQuery(policyQuery(version.name));
  const holder = holderAmong(versions.data ?? [], stagesOf(policy.data?.rules), version.version);
  return (
    <Section
      title={holder ? messages.metricsAgainst(holder.version, holder.current_stage) : messages.metrics}
    >
      <MetricsDiff name={version.name} version={version.version} other={holder?.version} />
    </Section>
  );
}

function Face({ tab, version }: { tab: Tab; version: Version }) {
  const navigate = useNavigate();
  const search = route.useSearch();
  const id = `${version.name}/${version.version}`;
  const place = { version: id };
  const params = { name: version.name, version: version.version };
  const to = "/models/$name/$version" as const;
  if (tab === "schema") return <SchemaFace place={place} />;
  if (tab === "metrics") return <Metrics version={version} />;
  if (tab === "environment") return <EnvironmentSection place={place} />;
  if (tab === "lineage") return <LineageGraph kind="model_version" id={id} />;
  if (tab === "history") return <AuditTab name={version.name} version={Number(version.version)} />;
  if (tab === "compare") {
    return (
      <CompareVersions
        version={version}
        other={search.with}
        onOther={(other) => navigate({ to, params, search: (before) => ({ ...before, with: other }) })}
      />
    );
  }
  if (tab === "files") return <FilesFace place={place} />;
  return <VersionOverview version={version} place={place} />;
}

export function VersionPage() {
  const { name, version: number } = route.useParams();
  const search = route.useSearch();
  const me = useMe();
  const tab = TABS.find((one) => one === search.tab) ?? "overview";
  const found = useQuery(versionQuery(name, number));
  const policy = useQuery({ ...policyQuery(name), retry: false });
  const [target, setTarget] = useState<string | null>(null);
  const [deleting, setDeleting] = useState(false);
  useTitle(messages.versionOf(number), name);
  if (isMissing(found.error)) return <Gone name={name} version={number} />;
  if (found.isError) return <ErrorNotice error={found.error} retry={() => found.refetch()} />;
  const version = found.data;
  const rolledBack = version && pairs(version.tags).find(([key]) => key === ROLLED_BACK)?.[1];
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.title}>
          <nav className={styles.trail} aria-label={messages.trail}>
            <Link to="/models">{messages.models}</Link> /{" "}
            <Link to="/models/$name" params={{ name }}>
              <bdi>{name}</bdi>
            </Link>
          </nav>
          <h1>
            {messages.versionOf(number)}
            {version && <StageBadge stage={version.current_stage} />}
            {(version?.aliases ?? []).map((alias) => (
              <Chip key={alias} tone="accent">{`@${alias}`}</Chip>
            ))}
            {version && version.status !== "READY" && (
              <Chip tone="warn" title={version.status_message}>
                {messages.versionStatuses[version.status] ?? version.status}
              </Chip>
            )}
          </h1>
        </div>
        {version && me.may("write") && (
          <div className={styles.row}>
            <Menu
              label={messages.moveVersion(number)}
              trigger={
                <Button>
                  {messages.moveMenu} <ChevronDown size={14} aria-hidden="true" />
                </Button>
              }
              entries={stagesOf(policy.data?.rules)
                .filter((stage) => stage !== version.current_stage)
                .map((stage) => ({
                  label: messages.moveTo(stageName(stage)),
                  onSelect: () => setTarget(stage),
                }))}
            />
            {me.may("manage") && (
              <Menu
                label={messages.moreActions}
                trigger={
                  <IconButton label={messages.moreActions}>
                    <EllipsisVertical size={16} />
                  </IconButton>
                }
                entries={[{ label: messages.deleteVersion, tone: "bad", onSelect: () => setDeleting(true) }]}
              />
            )}
          </div>
        )}
      </header>
      {rolledBack && (
        <Notice title={messages.rolledBack} tone="warn">
          <bdi>{rolledBack}</bdi>
        </Notice>
      )}
      <Tabs
        label={messages.sections}
        tabs={TABS}
        current={tab}
        names={messages.versionTabs}
        kept={(before, to) => (to === "compare" ? { with: before.with } : {})}
      />
      <Boundary key={tab}>
        {version ? <Face tab={tab} version={version} /> : <Skeleton height={300} />}
      </Boundary>
      {version && target && <MoveDialog version={version} target={target} onClose={() => setTarget(null)} />}
      {deleting && <DeleteVersion name={name} version={number} onClose={() => setDeleting(false)} />}
    </div>
  );
}
