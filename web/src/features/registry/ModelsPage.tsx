/** All registered models: what holds each stage, who owns it, what waits, and how good it is. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { get } from "@/api/client";
import { keep, readKept } from "@/app/preferences";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { Chip, Time } from "@/ui/Facts";
import { SelectField, TextField } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { lastMetricsQuery, type Model, requestsQuery, type Version } from "./data";
import { keyMetric } from "./keyMetric";
import { messages } from "./messages";
import { modelFilter } from "./modelFilter";
import { Person, StageBadge, useTitle } from "./parts";
import styles from "./Registry.module.css";
import { ARCHIVED, NO_STAGE } from "./rules";
import { registerSnippet } from "./snippets";

const route = getRouteApi("/models");
const PAGE = 50;
const TYPING_MS = 250;
const METRIC_KEY = "assay.models.metric";

/** The version that speaks for a model: the one furthest on, else the newest. */
function leading(model: Model): Version | undefined {
  const versions = model.latest_versions ?? [];
  const newest = (list: Version[]) => [...list].sort((a, b) => Number(b.version) - Number(a.version))[0];
  return (
    versions.find((one) => one.current_stage === "Production") ??
    newest(versions.filter((one) => one.current_stage !== ARCHIVED && one.current_stage !== NO_STAGE)) ??
    newest(versions)
  );
}

function useModels(typed: string, sort: string) {
  return useInfiniteQuery({
    queryKey: ["registry", "models", typed, sort],
    queryFn: ({ signal, pageParam }) =>
      get(
        "/api/2.0/mlflow/registered-models/search",
        { filter: modelFilter(typed), order_by: [sort], max_results: PAGE, page_token: pageParam },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}

function SortHead({
  label,
  field,
  sort,
  onSort,
}: {
  label: string;
  field: string;
  sort: string;
  onSort: (sort: string) => void;
}) {
  const active = sort.startsWith(`${field} `);
  const descending = sort.endsWith(" DESC");
  const Icon = descending ? ArrowDown : ArrowUp;
  return (
    <th aria-sort={active ? (descending ? "descending" : "ascending") : "none"}>
      <button type="button" onClick={() => onSort(`${field} ${active && !descending ? "DESC" : "ASC"}`)}>
        {label} {active && <Icon size={12} aria-hidden="true" />}
      </button>
    </th>
  );
}

const SORTS = ["name ASC", "name DESC", "last_updated_timestamp DESC", "last_updated_timestamp ASC"];

export function ModelsPage() {
  useTitle(messages.models);
  const search = route.useSearch();
  const navigate = useNavigate();
  const typed = search.q ?? "";
  const sort = SORTS.includes(search.sort ?? "") ? (search.sort as string) : "name ASC";
  const found = useModels(typed, sort);
  const models = useMemo(
    () => (found.data?.pages ?? []).flatMap((page) => page.registered_models ?? []),
    [found.data],
  );
  const [metric, setMetric] = useState(() => readKept<string>(METRIC_KEY, ""));
  const runIds = useMemo(
    () => [...new Set(models.flatMap((model) => leading(model)?.run_id || []))].sort(),
    [models],
  );
  const metrics = useQuery(lastMetricsQuery(runIds));
  const names = useMemo(
    () => [...new Set([...(metrics.data?.values() ?? [])].flatMap((of) => [...of.keys()]))].sort(),
    [metrics.data],
  );
  const chosen = names.includes(metric) ? metric : "";
  const set = (change: { q?: string; sort?: string }) =>
    navigate({
      to: "/models",
      search: (before) => ({ ...before, ...change }),
      replace: true,
    });
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <h1>{messages.models}</h1>
      </header>
      <div className={styles.bar}>
        <SearchField value={typed} onChange={(q) => set({ q: q || undefined })} />
        {names.length > 1 && (
          <SelectField
            label={messages.keyMetric}
            value={chosen}
            onChange={(event) => {
              setMetric(event.target.value);
              keep(METRIC_KEY, event.target.value);
            }}
          >
            <option value="">{messages.automatic}</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {name.slice(0, 80)}
              </option>
            ))}
          </SelectField>
        )}
      </div>
      {found.isError ? (
        <ErrorNotice error={found.error} retry={() => found.refetch()} />
      ) : found.isPending ? (
        <Skeleton height={220} />
      ) : models.length === 0 ? (
        <NoModels searched={typed !== ""} />
      ) : (
        <>
          <ModelTable
            models={models}
            metric={(model) => keyMetric(metrics.data?.get(leading(model)?.run_id ?? ""), chosen)}
            sort={sort}
            onSort={(to) => set({ sort: to })}
          />
          {found.hasNextPage && (
            <div>
              <Button onClick={() => found.fetchNextPage()} disabled={found.isFetchingNextPage}>
                {messages.more}
              </Button>
            </div>
          )}
        </>
      )}
    </div>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = window.setTimeout(() => onChange(typed), TYPING_MS);
    return () => window.clearTimeout(timer);
  });
  return (
    <div className={styles.grow}>
      <TextField
        label={messages.searchModels}
        placeholder={messages.searchModelsHint}
        type="search"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </div>
  );
}

function NoModels({ searched }: { searched: boolean }) {
  if (searched) return <Notice title={messages.noneFound}>{messages.noneFoundHint}</Notice>;
  return (
    <Notice title={messages.noModels}>
      <p>{messages.noModelsHint}</p>
      <Snippet code={registerSnippet()} />
    </Notice>
  );
}

function ModelTable({
  models,
  metric,
  sort,
  onSort,
}: {
  models: Model[];
  metric: (model: Model) => [string, number] | null;
  sort: string;
  onSort: (sort: string) => void;
}) {
  const open = useQuery(requestsQuery({ statuses: ["open"] }));
  const waiting = useMemo(() => {
    const counts = new Map<string, number>();
    for (const request of open.data ?? []) counts.set(request.name, (counts.get(request.name) ?? 0) + 1);
    return counts;
  }, [open.data]);
  return (
    <section className={styles.scroll} aria-label={messages.models}>
      <table className={styles.table}>
        <thead>
          <tr>
            <SortHead label={messages.name} field="name" sort={sort} onSort={onSort} />
            <th>{messages.latestPerStage}</th>
            <th>{messages.aliases}</th>
            <th>{messages.keyMetric}</th>
            <th>{messages.owner}</th>
            <th>{messages.waits}</th>
            <SortHead
              label={messages.lastChange}
              field="last_updated_timestamp"
              sort={sort}
              onSort={onSort}
            />
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <ModelRow
              key={model.name}
              model={model}
              metric={metric(model)}
              waiting={waiting.get(model.name) ?? 0}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The first words of a description, without the marks of Markdown. */
const plainText = (markdown: string): string =>
  markdown
    .slice(0, 300)
    .replace(/^\s{0,3}(?:#{1,6}|>|[-*+])\s+/gm, "")
    .replace(/(\*\*|__|~~|`)(?=\S)([^\n]*?\S)\1/g, "$2");

function ModelRow({
  model,
  metric,
  waiting,
}: {
  model: Model;
  metric: [string, number] | null;
  waiting: number;
}) {
  const versions = model.latest_versions ?? [];
  const newest = [...versions].sort((a, b) => Number(b.version) - Number(a.version))[0];
  const owner = model.tags?.find((tag) => tag.key === "owner")?.value || newest?.user_id || "";
  return (
    <tr>
      <td>
        <Link className={styles.name} to="/models/$name" params={{ name: model.name }} title={model.name}>
          <bdi>{model.name}</bdi>
        </Link>
        {model.description && (
          <div className={`${styles.clamp} ${styles.quiet} ${styles.small}`}>
            <bdi>{plainText(model.description)}</bdi>
          </div>
        )}
      </td>
      <td>
        <div className={styles.row}>
          {versions.length === 0 && <span className={styles.quiet}>{messages.noVersions}</span>}
          {[...versions].reverse().map((version) => (
            <Link
              key={version.version}
              to="/models/$name/$version"
              params={{ name: model.name, version: version.version }}
              className={styles.stageLink}
            >
              <StageBadge stage={version.current_stage} />
              <span>{messages.short(version.version)}</span>
            </Link>
          ))}
        </div>
      </td>
      <td>
        <div className={styles.row}>
          {(model.aliases ?? []).slice(0, 6).map((alias) => (
            <Chip key={alias.alias} tone="accent">{`@${alias.alias} → ${alias.version}`}</Chip>
          ))}
        </div>
      </td>
      <td>
        {metric && (
          <span title={`${metric[0]} = ${metric[1]}`}>
            <span className={`${styles.quiet} ${styles.small}`}>{metric[0].slice(0, 60)}</span>{" "}
            {formatNumber(metric[1])}
          </span>
        )}
      </td>
      <td>{owner && <Person name={owner} />}</td>
      <td>
        {waiting > 0 && (
          <Link to="/models/$name" params={{ name: model.name }} search={{ tab: "requests" }}>
            <Chip tone="warn">{messages.waiting(waiting)}</Chip>
          </Link>
        )}
      </td>
      <td>
        <Time ms={model.last_updated_timestamp} />
      </td>
    </tr>
  );
}
