/** A logged model: what a run made, before or beside a name in the registry. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { get, type JsonNumber, toNumber } from "@/api/client";
import { May } from "@/app/May";
import { change } from "@/app/me";
import { Button } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { Chip, Time } from "@/ui/Facts";
import { TextField } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { Boundary, ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { Tabs } from "@/ui/Tabs";
import { toast } from "@/ui/Toasts";
import { isMissing, type LoggedModel, lineageQuery, loggedModelQuery, runQuery } from "./data";
import { FilesFace } from "./FilesFace";
import { LineageGraph } from "./LineageGraph";
import { CardSection, EnvironmentSection, FolderFacts, SchemaFace } from "./ModelFiles";
import { messages } from "./messages";
import { modelFilter } from "./modelFilter";
import { Fact, Section, useChange, useTitle } from "./parts";
import styles from "./Registry.module.css";
import { UseSection } from "./UseSection";

const route = getRouteApi("/logged-models/$modelId");
const TABS = ["overview", "schema", "environment", "files", "lineage"] as const;
const SUGGESTED = 20;
const SHOWN_OF_VALUE = 1_000;

/** Registers the model as the next version of a name, which is made if nobody has it. */
function Register({ model, onClose }: { model: LoggedModel; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const navigate = useNavigate();
  const names = useQuery({
    queryKey: ["registry", "names", typed],
    queryFn: ({ signal }) =>
      get(
        "/api/2.0/mlflow/registered-models/search",
        { filter: modelFilter(typed.replace(/[=<>]/g, " ")), max_results: SUGGESTED },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
  const known = (names.data?.registered_models ?? []).map((one) => one.name);
  const register = useChange(
    async (name: string) => {
      if (!known.includes(name)) await change("POST", "/api/2.0/mlflow/registered-models/create", { name });
      const made = await change("POST", "/api/2.0/mlflow/model-versions/create", {
        name,
        source: `models:/${model.model_id}`,
        run_id: model.source_run_id ?? "",
        model_id: model.model_id,
      });
      return (made as { model_version: { version: string } }).model_version.version;
    },
    {
      quiet: true,
      done: (version, name) => {
        toast({ text: messages.registered(name.slice(0, 60), version) });
        navigate({ to: "/models/$name/$version", params: { name, version } });
      },
    },
  );
  const name = typed.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name) register.mutate(name);
  };
  return (
    <Dialog title={messages.register} onClose={onClose}>
      <form className={styles.stack} onSubmit={submit}>
        <TextField
          label={messages.registeredName}
          value={typed}
          required
          list="registered-names"
          onChange={(event) => setTyped(event.target.value)}
        />
        <datalist id="registered-names">
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <p className={styles.quiet}>{messages.registerHint(name !== "" && known.includes(name))}</p>
        {register.error !== null && <ErrorNotice error={register.error} />}
        <div className={styles.row}>
          <Button type="submit" kind="primary" disabled={!name || register.isPending}>
            {messages.register}
          </Button>
          <Button onClick={onClose}>{messages.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Names and what they were set to, in the order of the names; nothing where there are none. */
function PairSection({ title, pairs }: { title: string; pairs: Record<string, string> }) {
  const sorted = Object.entries(pairs).sort(([a], [b]) => a.localeCompare(b));
  if (sorted.length === 0) return null;
  return (
    <Section title={title}>
      <dl className={styles.facts}>
        {sorted.map(([key, value]) => (
          <Fact key={key} name={<bdi>{key}</bdi>}>
            <bdi>{value.slice(0, SHOWN_OF_VALUE)}</bdi>
          </Fact>
        ))}
      </dl>
    </Section>
  );
}

function Overview({ model }: { model: LoggedModel }) {
  const place = { model_id: model.model_id };
  const run = useQuery({ ...runQuery(model.source_run_id), retry: false });
  const below = useQuery(lineageQuery("logged_model", model.model_id, "downstream"));
  const versions = (below.data?.nodes ?? []).filter((node) => node.kind === "model_version");
  const uri = `models:/${model.model_id}`;
  return (
    <div className={styles.grid}>
      <div className={styles.stack}>
        <Section title={messages.facts}>
          <dl className={styles.facts}>
            <Fact name={messages.created}>
              <Time ms={model.creation_timestamp} />
            </Fact>
            {model.source_run_id && (
              <Fact name={messages.sourceRun}>
                <Link to="/runs/$runId" params={{ runId: model.source_run_id }}>
                  <bdi>{run.data?.info.run_name || model.source_run_id}</bdi>
                </Link>
              </Fact>
            )}
            {model.model_type && <Fact name={messages.type}>{model.model_type}</Fact>}
            <FolderFacts place={place} />
            <Fact name={messages.versions}>
              {versions.length === 0 && <span className={styles.quiet}>{messages.notRegistered}</span>}
              <ul className={styles.plain}>
                {versions.map((node) => (
                  <li key={node.id}>
                    <Link
                      to="/models/$name/$version"
                      params={{
                        name: String(node.facts.name ?? ""),
                        version: String(node.facts.version ?? ""),
                      }}
                    >
                      <bdi>{node.label}</bdi>
                    </Link>
                  </li>
                ))}
              </ul>
            </Fact>
          </dl>
        </Section>
        {model.metrics.length > 0 && (
          <Section title={messages.metrics}>
            <section className={styles.scroll} aria-label={messages.metrics}>
              <table className={styles.table}>
                <tbody>
                  {model.metrics.map((metric) => (
                    <tr key={`${metric.key} ${metric.dataset_digest ?? ""} ${metric.run_id ?? ""}`}>
                      <td className={styles.break}>
                        <bdi>{metric.key}</bdi>
                      </td>
                      <td className={styles.quiet}>{metric.dataset_name ?? ""}</td>
                      <td className={styles.number} title={String(metric.value)}>
                        {formatNumber(toNumber(metric.value as JsonNumber))}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          </Section>
        )}
        <PairSection title={messages.params} pairs={model.params} />
        <CardSection place={place} />
      </div>
      <div className={styles.stack}>
        <UseSection uri={uri} place={place} />
        <PairSection title={messages.tags} pairs={model.tags} />
      </div>
    </div>
  );
}

export function LoggedModelPage() {
  const { modelId } = route.useParams();
  const search = route.useSearch();
  const tab = TABS.find((one) => one === search.tab) ?? "overview";
  const found = useQuery(loggedModelQuery(modelId));
  const [registering, setRegistering] = useState(false);
  const model = found.data;
  const place = { model_id: modelId };
  useTitle(model?.name ?? modelId, messages.loggedModel);
  if (isMissing(found.error)) {
    return (
      <Notice title={messages.loggedModelGone} tone="warn">
        <p>{messages.loggedModelGoneHint}</p>
        <Link to="/models">{messages.toModels}</Link>
      </Notice>
    );
  }
  if (found.isError) return <ErrorNotice error={found.error} retry={() => found.refetch()} />;
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.title}>
          <nav className={styles.trail} aria-label={messages.trail}>
            {model && (
              <Link to="/experiments/$ids" params={{ ids: model.experiment_id }}>
                {messages.experimentOf}
              </Link>
            )}
          </nav>
          <h1>
            <bdi>{model?.name ?? modelId}</bdi>
            {model && (
              <Chip tone={model.status === "LOGGED_MODEL_READY" ? "good" : "warn"}>
                {messages.loggedStatuses[model.status] ?? model.status}
              </Chip>
            )}
          </h1>
          <span className={`${styles.row} ${styles.quiet} ${styles.small}`}>
            <code>{modelId}</code>
            <CopyButton text={modelId} label={messages.copyId} />
          </span>
        </div>
        {model && (
          <May to="write">
            <Button kind="primary" onClick={() => setRegistering(true)}>
              {messages.register}
            </Button>
          </May>
        )}
      </header>
      <Tabs label={messages.sections} tabs={TABS} current={tab} names={messages.versionTabs} />
      <Boundary key={tab}>
        {!model ? (
          <Skeleton height={300} />
        ) : tab === "schema" ? (
          <SchemaFace place={place} />
        ) : tab === "environment" ? (
          <EnvironmentSection place={place} />
        ) : tab === "lineage" ? (
          <LineageGraph kind="logged_model" id={modelId} />
        ) : tab === "files" ? (
          <FilesFace place={place} />
        ) : (
          <Overview model={model} />
        )}
      </Boundary>
      {model && registering && <Register model={model} onClose={() => setRegistering(false)} />}
    </div>
  );
}
