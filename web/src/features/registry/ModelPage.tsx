/** A registered model: its board, its versions as a list, requests, policy, history. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { EllipsisVertical, Undo2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useMe } from "@/app/me";
import { Button, IconButton } from "@/ui/Button";
import { Time } from "@/ui/Facts";
import { Menu } from "@/ui/Menu";
import { Boundary, ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Tabs } from "@/ui/Tabs";
import { AuditTab } from "./AuditTab";
import { Board } from "./Board";
import { isMissing, type Model, modelQuery, requestsQuery, type Version, versionsQuery } from "./data";
import { Aliases, Description, Tags } from "./Editing";
import { Gone } from "./Gone";
import { DeleteModel, RenameModel } from "./ModelDialogs";
import { messages } from "./messages";
import { PolicyTab } from "./PolicyTab";
import { useTitle } from "./parts";
import styles from "./Registry.module.css";
import { RequestCard } from "./RequestCard";
import { RollbackDialog } from "./RollbackDialog";
import { VersionList } from "./VersionList";

const ServingTab = lazy(() =>
  import("@/features/serving/ServingTab").then((m) => ({ default: m.ServingTab })),
);

const route = getRouteApi("/models/$name");
const TABS = ["board", "versions", "serving", "requests", "policy", "history"] as const;
type Tab = (typeof TABS)[number];
/** Requests are looked for again: others approve and workers check meanwhile. */
const LOOK_EVERY_MS = 15_000;

function Requests({ name }: { name: string }) {
  const requests = useQuery({ ...requestsQuery({ name }), refetchInterval: LOOK_EVERY_MS });
  if (requests.isPending) return <Skeleton height={200} />;
  if (requests.isError) return <ErrorNotice error={requests.error} retry={() => requests.refetch()} />;
  if (requests.data.length === 0)
    return <Notice title={messages.noRequests}>{messages.noRequestsHint}</Notice>;
  return (
    <div className={styles.stack}>
      {requests.data.map((request) => (
        <RequestCard key={request.request_id} request={request} showModel={false} />
      ))}
    </div>
  );
}

function NoVersions() {
  return <Notice title={messages.noVersionsYet}>{messages.noVersionsHint}</Notice>;
}

function Face({ tab, model, versions }: { tab: Tab; model: Model; versions: Version[] }) {
  if (tab === "requests") return <Requests name={model.name} />;
  if (tab === "serving") {
    return (
      <Suspense fallback={<Skeleton height={300} />}>
        <ServingTab name={model.name} />
      </Suspense>
    );
  }
  if (tab === "policy") return <PolicyTab name={model.name} />;
  if (tab === "history") return <AuditTab name={model.name} />;
  if (tab === "versions") return versions.length ? <VersionList versions={versions} /> : <NoVersions />;
  return (
    <>
      {versions.length ? <Board name={model.name} versions={versions} /> : <NoVersions />}
      <div className={styles.grid}>
        <Description thing={{ name: model.name }} text={model.description ?? ""} />
        <div className={styles.stack}>
          <Aliases name={model.name} aliases={model.aliases ?? []} />
          <Tags thing={{ name: model.name }} tags={model.tags} />
        </div>
      </div>
    </>
  );
}

export function ModelPage() {
  const { name } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  const me = useMe();
  const tab = TABS.find((one) => one === search.tab) ?? "board";
  const model = useQuery(modelQuery(name));
  const versions = useQuery(versionsQuery(name));
  const open = useQuery(requestsQuery({ name, statuses: ["open"] }));
  const [dialog, setDialog] = useState<"rollback" | "rename" | "delete" | null>(null);
  useTitle(name, messages.models);
  if (isMissing(model.error)) return <Gone name={name} />;
  if (model.isError) return <ErrorNotice error={model.error} retry={() => model.refetch()} />;
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.title}>
          <nav className={styles.trail} aria-label={messages.trail}>
            <Link to="/models">{messages.models}</Link>
          </nav>
          <h1>
            <bdi title={name}>{name}</bdi>
          </h1>
          {model.data && (
            <span className={`${styles.quiet} ${styles.small}`}>
              {messages.created} <Time ms={model.data.creation_timestamp} /> · {messages.changed}{" "}
              <Time ms={model.data.last_updated_timestamp} />
            </span>
          )}
        </div>
        <div className={styles.row}>
          {me.may("write") && (
            <Button onClick={() => setDialog("rollback")}>
              <Undo2 size={14} aria-hidden="true" />
              {messages.rollback}
            </Button>
          )}
          {me.may("manage") && (
            <Menu
              label={messages.moreActions}
              trigger={
                <IconButton label={messages.moreActions}>
                  <EllipsisVertical size={16} />
                </IconButton>
              }
              entries={[
                { label: messages.rename, onSelect: () => setDialog("rename") },
                { label: messages.deleteModel, tone: "bad", onSelect: () => setDialog("delete") },
              ]}
            />
          )}
        </div>
      </header>
      <Tabs
        label={messages.sections}
        tabs={TABS}
        current={tab}
        names={messages.modelTabs}
        counts={{ requests: open.data?.length, versions: versions.data?.length }}
      />
      <Boundary key={tab}>
        {model.data && versions.data ? (
          <Face tab={tab} model={model.data} versions={versions.data} />
        ) : versions.isError ? (
          <ErrorNotice error={versions.error} retry={() => versions.refetch()} />
        ) : (
          <Skeleton height={300} />
        )}
      </Boundary>
      {dialog === "rollback" && <RollbackDialog name={name} onClose={() => setDialog(null)} />}
      {dialog === "rename" && <RenameModel name={name} onClose={() => setDialog(null)} />}
      {dialog === "delete" && (
        <DeleteModel
          name={name}
          versions={versions.data?.length ?? 0}
          onClose={() => setDialog(null)}
          onDeleted={() => navigate({ to: "/models" })}
        />
      )}
    </div>
  );
}
