/** The first page of a version: what it is, where it came from, how it is used, who vouches for it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { BadgeCheck } from "lucide-react";
import { Endpoint, nameOf, StateMark } from "@/features/serving/DeploymentTable";
import { figuresQuery } from "@/features/serving/data";
import { CopyButton } from "@/ui/Copy";
import { Chip, Time } from "@/ui/Facts";
import { Skeleton } from "@/ui/Notice";
import {
  deploymentsQuery,
  loggedModelQuery,
  type Place,
  requestsQuery,
  runQuery,
  signaturesQuery,
  type Version,
} from "./data";
import { Aliases, Description, Tags } from "./Editing";
import { CardSection, FolderFacts } from "./ModelFiles";
import { messages } from "./messages";
import { Fact, Person, Section } from "./parts";
import styles from "./Registry.module.css";
import { RequestCard } from "./RequestCard";
import { UseSection } from "./UseSection";

function Facts({ version, place }: { version: Version; place: Place }) {
  const run = useQuery({ ...runQuery(version.run_id), retry: false });
  const model = useQuery({ ...loggedModelQuery(version.model_id), retry: false });
  const verified = model.data?.tags["assay.verified"];
  return (
    <Section title={messages.facts}>
      <dl className={styles.facts}>
        <Fact name={messages.registeredBy}>
          <Person name={version.user_id ?? ""} /> <Time ms={version.creation_timestamp} />
        </Fact>
        {version.run_id && (
          <Fact name={messages.sourceRun}>
            {run.isError ? (
              <>
                <code>{version.run_id}</code> <Chip>{messages.removed}</Chip>
              </>
            ) : (
              <Link to="/runs/$runId" params={{ runId: version.run_id }}>
                <bdi>{run.data?.info.run_name || version.run_id}</bdi>
              </Link>
            )}
          </Fact>
        )}
        {version.model_id && (
          <Fact name={messages.loggedModel}>
            <Link to="/logged-models/$modelId" params={{ modelId: version.model_id }}>
              <bdi>{model.data?.name || version.model_id}</bdi>
            </Link>
          </Fact>
        )}
        <Fact name={messages.source}>
          <code>{version.source}</code>
        </Fact>
        <FolderFacts place={place} />
        {verified !== undefined && (
          <Fact name={messages.verification}>
            {verified === "true" ? (
              <span className={styles.mark} data-tone="good">
                <BadgeCheck size={14} aria-hidden="true" /> {messages.replayed}
              </span>
            ) : (
              <span className={styles.mark} data-tone="bad">
                {messages.notReplayed}
              </span>
            )}
          </Fact>
        )}
        {(run.data?.inputs?.dataset_inputs ?? []).length > 0 && (
          <Fact name={messages.datasets}>
            <ul className={styles.plain}>
              {run.data?.inputs.dataset_inputs.map(({ dataset, tags }) => (
                <li key={`${dataset.name}@${dataset.digest}`} className={styles.row}>
                  <bdi>{dataset.name}</bdi> <code>{dataset.digest}</code>
                  {tags
                    .filter((tag) => tag.key === "mlflow.data.context")
                    .map((tag) => (
                      <Chip key={tag.key}>{tag.value}</Chip>
                    ))}
                </li>
              ))}
            </ul>
          </Fact>
        )}
      </dl>
    </Section>
  );
}

function Signatures({ name, version }: { name: string; version: string }) {
  const found = useQuery(signaturesQuery(name, version));
  return (
    <Section title={messages.signatures}>
      {found.isPending ? (
        <Skeleton height={24} />
      ) : !found.data?.length ? (
        <p className={styles.quiet}>{messages.unsigned}</p>
      ) : (
        <ul className={styles.plain}>
          {found.data.map((one) => (
            <li key={`${one.key_id}${one.time}`}>
              <span className={styles.row}>
                <BadgeCheck size={14} aria-hidden="true" />
                <Person name={one.signer} /> <Time ms={one.time} />
              </span>
              <span className={`${styles.row} ${styles.small} ${styles.quiet}`}>
                {messages.key} <code className={styles.break}>{one.key_id.slice(0, 32)}…</code>
                <CopyButton text={one.key_id} label={messages.copyKey} />
              </span>
            </li>
          ))}
        </ul>
      )}
      <p className={`${styles.quiet} ${styles.small}`}>{messages.signaturesHint}</p>
    </Section>
  );
}

function Deployments({ name, version }: { name: string; version: string }) {
  const found = useQuery(deploymentsQuery(name, version));
  const told = useQuery(figuresQuery(name));
  return (
    <Section title={messages.deployments}>
      {found.isPending ? (
        <Skeleton height={24} />
      ) : !found.data?.length ? (
        <p className={styles.quiet}>{messages.noDeployments}</p>
      ) : (
        <ul className={styles.plain}>
          {found.data.map((one) => (
            <li key={one.deployment_id} className={styles.row}>
              <Link to="/deployments/$id" params={{ id: one.deployment_id }}>
                <bdi className={styles.break}>{nameOf(one)}</bdi>
              </Link>
              <bdi className={styles.quiet}>{one.target}</bdi>
              <StateMark of={one} told={told.data} />
              <Endpoint of={one} />
              <Person name={one.actor} /> <Time ms={one.time} />
            </li>
          ))}
        </ul>
      )}
      <p className={`${styles.quiet} ${styles.small}`}>{messages.deploymentsHint}</p>
    </Section>
  );
}

export function VersionOverview({ version, place }: { version: Version; place: Place }) {
  const thing = { name: version.name, version: version.version };
  const requests = useQuery(requestsQuery({ name: version.name, version: Number(version.version) }));
  const open = (requests.data ?? []).filter((request) => request.status === "open");
  return (
    <>
      {open.map((request) => (
        <RequestCard key={request.request_id} request={request} showModel={false} />
      ))}
      <div className={styles.grid}>
        <div className={styles.stack}>
          <Facts version={version} place={place} />
          <Description thing={thing} text={version.description ?? ""} />
          <CardSection place={place} />
        </div>
        <div className={styles.stack}>
          <UseSection uri={`models:/${version.name}/${version.version}`} place={place} />
          <Aliases
            name={version.name}
            version={version.version}
            aliases={(version.aliases ?? []).map((alias) => ({ alias, version: version.version }))}
          />
          <Tags thing={thing} tags={version.tags} />
          <Signatures {...thing} />
          <Deployments {...thing} />
        </div>
      </div>
    </>
  );
}
