/** A model's versions on a board: stages are lanes, versions are cards; moving a card asks for a transition. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { EllipsisVertical, Shield } from "lucide-react";
import { type DragEvent, useMemo, useState } from "react";
import { useMe } from "@/app/me";
import { Button, IconButton } from "@/ui/Button";
import { Chip, Time } from "@/ui/Facts";
import { formatNumber } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { Skeleton } from "@/ui/Notice";
import { lastMetricsQuery, policyQuery, type Request, requestsQuery, type Version } from "./data";
import { gatedMetric, keyMetric } from "./keyMetric";
import { MoveDialog } from "./MoveDialog";
import { messages } from "./messages";
import { Person, pairs, stageName } from "./parts";
import styles from "./Registry.module.css";
import { ARCHIVED, allows, NO_STAGE, rulesFor, stagesOf } from "./rules";

/** Cards of a lane that are drawn before somebody asks for more. */
const LANE_FIRST = 20;
/** The latest versions, whose metrics are asked for. */
const METRICS_OF = 100;
export const ROLLED_BACK = "assay.rolled_back";

function VersionCard({
  version,
  open,
  stages,
  dragged,
  onDrag,
  onMove,
  metric,
}: {
  version: Version;
  open: Request[];
  stages: string[];
  dragged: boolean;
  onDrag: (version: Version | null) => void;
  onMove: (target: string) => void;
  metric: [string, number] | null;
}) {
  const movable = useMe().may("write");
  const rolledBack = pairs(version.tags).find(([key]) => key === ROLLED_BACK)?.[1];
  return (
    <li
      className={styles.version}
      draggable={movable}
      data-dragged={dragged ? "yes" : undefined}
      data-version={version.version}
      onDragStart={(event) => {
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", version.version);
        onDrag(version);
      }}
      onDragEnd={() => onDrag(null)}
    >
      <div className={styles.versionHead}>
        <Link to="/models/$name/$version" params={{ name: version.name, version: version.version }}>
          {messages.versionOf(version.version)}
        </Link>
        {movable && (
          <Menu
            label={messages.moveVersion(version.version)}
            trigger={
              <IconButton label={messages.moveVersion(version.version)}>
                <EllipsisVertical size={15} />
              </IconButton>
            }
            entries={stages
              .filter((stage) => stage !== version.current_stage)
              .map((stage) => ({
                label: messages.moveTo(stageName(stage)),
                onSelect: () => onMove(stage),
              }))}
          />
        )}
      </div>
      {(version.aliases ?? []).length > 0 && (
        <div className={styles.row}>
          {(version.aliases ?? []).map((alias) => (
            <Chip key={alias} tone="accent">{`@${alias}`}</Chip>
          ))}
        </div>
      )}
      {version.status !== "READY" && (
        <Chip tone="warn" title={version.status_message}>
          {messages.versionStatuses[version.status] ?? version.status}
        </Chip>
      )}
      {version.description && (
        <div className={`${styles.clamp} ${styles.small}`}>
          <bdi>{version.description.slice(0, 300)}</bdi>
        </div>
      )}
      {rolledBack && (
        <Chip tone="warn" title={rolledBack}>
          {messages.rolledBack}
        </Chip>
      )}
      {open.map((request) => (
        <Link
          key={request.request_id}
          to="/models/$name"
          params={{ name: version.name }}
          search={{ tab: "requests" }}
        >
          <Chip tone="busy" title={request.status_reason}>
            {messages.askedFor(stageName(request.target))}
          </Chip>
        </Link>
      ))}
      {metric && (
        <div className={styles.row} title={`${metric[0]} = ${metric[1]}`}>
          <span className={`${styles.quiet} ${styles.small}`}>
            <bdi>{metric[0].slice(0, 40)}</bdi>
          </span>
          <strong>{formatNumber(metric[1])}</strong>
        </div>
      )}
      <div className={`${styles.row} ${styles.quiet} ${styles.small}`}>
        <Time ms={version.creation_timestamp} />
        {version.user_id && <Person name={version.user_id} />}
      </div>
    </li>
  );
}

function Lane({
  stage,
  versions,
  governed,
  over,
  drop,
  children,
}: {
  stage: string;
  versions: Version[];
  governed: boolean;
  over: "yes" | "no" | undefined;
  drop: {
    onDragOver?: (event: DragEvent) => void;
    onDragLeave?: () => void;
    onDrop?: (event: DragEvent) => void;
  };
  children: (version: Version) => React.ReactNode;
}) {
  const [shown, setShown] = useState(LANE_FIRST);
  const rest = versions.length - shown;
  return (
    <section
      className={styles.lane}
      aria-label={stageName(stage)}
      data-lane={stage}
      data-over={over}
      {...drop}
    >
      <div className={styles.laneHead}>
        <h2>
          <bdi>{stageName(stage)}</bdi>
        </h2>
        <Chip>{versions.length}</Chip>
        {governed && (
          <span title={messages.governedShort}>
            <Shield size={15} role="img" aria-label={messages.governedShort} />
          </span>
        )}
      </div>
      {versions.length === 0 && <p className={`${styles.quiet} ${styles.small}`}>{messages.emptyLane}</p>}
      <ul className={styles.plain}>{versions.slice(0, shown).map(children)}</ul>
      {rest > 0 && <Button onClick={() => setShown(shown + 100)}>{messages.moreCards(rest)}</Button>}
    </section>
  );
}

export function Board({ name, versions }: { name: string; versions: Version[] }) {
  const policy = useQuery(policyQuery(name));
  const open = useQuery(requestsQuery({ name, statuses: ["open"] }));
  const [dragged, setDragged] = useState<Version | null>(null);
  const [over, setOver] = useState<string | null>(null);
  const [moving, setMoving] = useState<{ version: Version; target: string } | null>(null);
  const rules = policy.data?.rules;
  const runIds = useMemo(
    () => [...new Set(versions.slice(0, METRICS_OF).flatMap((one) => one.run_id || []))].sort(),
    [versions],
  );
  const metrics = useQuery(lastMetricsQuery(runIds));
  const stages = useMemo(() => {
    const known = stagesOf(rules);
    // A stage of an older policy still has its versions.
    const others = versions.map((one) => one.current_stage).filter((stage) => !known.includes(stage));
    return [...known.filter((stage) => stage !== ARCHIVED), ...new Set(others), ARCHIVED];
  }, [rules, versions]);
  if (policy.isPending) return <Skeleton height={220} />;
  const takes = (stage: string) =>
    dragged !== null && dragged.current_stage !== stage && allows(rules, dragged.current_stage, stage);
  return (
    <>
      <div className={styles.board}>
        {stages.map((stage) => (
          <Lane
            key={stage}
            stage={stage}
            versions={versions.filter((version) => version.current_stage === stage)}
            governed={stage !== NO_STAGE && rulesFor(rules, stage) !== null}
            over={dragged === null ? undefined : takes(stage) ? (over === stage ? "yes" : undefined) : "no"}
            drop={{
              onDragOver: (event) => {
                if (!takes(stage)) return;
                event.preventDefault();
                setOver(stage);
              },
              onDragLeave: () => setOver(null),
              onDrop: (event) => {
                event.preventDefault();
                if (dragged && takes(stage)) setMoving({ version: dragged, target: stage });
                setDragged(null);
                setOver(null);
              },
            }}
          >
            {(version) => (
              <VersionCard
                key={version.version}
                version={version}
                open={(open.data ?? []).filter((one) => String(one.version) === version.version)}
                stages={stages}
                dragged={dragged?.version === version.version}
                metric={keyMetric(metrics.data?.get(version.run_id ?? ""), gatedMetric(rules))}
                onDrag={setDragged}
                onMove={(target) => setMoving({ version, target })}
              />
            )}
          </Lane>
        ))}
      </div>
      {moving && (
        <MoveDialog version={moving.version} target={moving.target} onClose={() => setMoving(null)} />
      )}
    </>
  );
}
