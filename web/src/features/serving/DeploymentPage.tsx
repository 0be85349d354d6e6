/** One deployment: what is noted of it, what its server tells, and what to type at its place. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { May } from "@/app/May";
import { act } from "@/app/me";
import type { Deployment } from "@/features/registry/data";
import { Fact, Person, Reason, Section, useChange, useTitle } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { serverUrl, shell } from "@/features/registry/snippets";
import { ActionDialog } from "@/ui/ActionDialog";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { Time } from "@/ui/Facts";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { toast } from "@/ui/Toasts";
import { Endpoint, nameOf, StateMark } from "./DeploymentTable";
import { allDeploymentsQuery, figuresQuery } from "./data";
import { stateOf } from "./figures";
import { LiveSection } from "./LiveSection";
import { messages } from "./messages";

const route = getRouteApi("/deployments/$id");
/** Targets that have the command. */
const LOGS = ["local", "docker", "kubernetes", "azureml"];
const RESTARTS = ["local", "docker", "kubernetes"];

/** What to type where the deployment runs. */
export function commands(of: Deployment): string {
  const name = of.details.deployment ?? "";
  const at = `-t ${shell(of.target)} --name ${shell(name)}`;
  const assay = `assay -t ${shell(serverUrl())} deployments`;
  const kind = of.target.split(":")[0] ?? "";
  return [
    `${assay} get ${at}`,
    ...(LOGS.includes(kind) ? [`${assay} logs ${at} -n 50`] : []),
    ...(RESTARTS.includes(kind) ? [`${assay} restart ${at}`] : []),
    `${assay} delete ${at}`,
  ].join("\n");
}

function EndDialog({ of, onClose }: { of: Deployment; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const end = useChange(
    () =>
      act("/api/assay/v1/registry/deployments/end", {
        deployment_id: of.deployment_id,
        reason: reason.trim(),
      }),
    {
      quiet: true,
      done: () => {
        toast({ text: messages.deploymentEnded });
        onClose();
      },
    },
  );
  return (
    <ActionDialog
      title={messages.endDeployment}
      change={end}
      onGo={() => end.mutate(undefined)}
      onClose={onClose}
    >
      <p>{messages.endHint}</p>
      <Reason value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

function Facts({ of }: { of: Deployment }) {
  const told = useQuery(figuresQuery(of.name));
  const more = Object.entries(of.details).filter(([key]) => key !== "deployment");
  return (
    <Section title={messages.facts}>
      <dl className={registry.facts}>
        <Fact name={messages.state}>
          <StateMark of={of} told={told.data} />
          <div className={`${registry.quiet} ${registry.small}`}>
            {messages.stateHints[stateOf(of, told.data)]}
          </div>
        </Fact>
        <Fact name={messages.model}>
          <Link to="/models/$name" params={{ name: of.name }} search={{ tab: "serving" }}>
            <bdi>{of.name}</bdi>
          </Link>
        </Fact>
        <Fact name={messages.version}>
          <Link to="/models/$name/$version" params={{ name: of.name, version: String(of.version) }}>
            {of.version}
          </Link>
        </Fact>
        <Fact name={messages.target}>
          <bdi>{of.target}</bdi>
        </Fact>
        <Fact name={messages.endpoint}>
          <Endpoint of={of} />
        </Fact>
        <Fact name={messages.noted}>
          <Person name={of.actor} /> <Time ms={of.time} />
        </Fact>
        {of.ended_time !== null && (
          <Fact name={messages.ended}>
            <Time ms={of.ended_time} />
          </Fact>
        )}
        {more.map(([key, value]) => (
          <Fact key={key} name={<bdi>{key}</bdi>}>
            <bdi>{value}</bdi>
          </Fact>
        ))}
        <Fact name={messages.id}>
          <code>{of.deployment_id}</code>
        </Fact>
      </dl>
    </Section>
  );
}

export function DeploymentPage() {
  const { id } = route.useParams();
  const all = useQuery(allDeploymentsQuery);
  const [ending, setEnding] = useState(false);
  const of = all.data?.find((one) => one.deployment_id === id);
  useTitle(of ? nameOf(of) : undefined, messages.deployments);
  if (all.isError) return <ErrorNotice error={all.error} retry={() => all.refetch()} />;
  if (all.isPending) return <Skeleton height={300} />;
  if (!of) {
    return (
      <Notice title={messages.gone} tone="warn">
        <p>{messages.goneHint}</p>
        <Link to="/deployments">{messages.all}</Link>
      </Notice>
    );
  }
  const isOver = of.ended_time !== null;
  return (
    <div className={registry.page}>
      <header className={registry.head}>
        <div className={registry.title}>
          <nav className={registry.trail} aria-label={messages.trail}>
            <Link to="/deployments">{messages.deployments}</Link>
          </nav>
          <h1>
            <bdi title={nameOf(of)}>{nameOf(of)}</bdi>
          </h1>
        </div>
        {!isOver && (
          <May to="write">
            <Button onClick={() => setEnding(true)}>{messages.endDeployment}</Button>
          </May>
        )}
      </header>
      <div className={registry.grid}>
        <Facts of={of} />
        <div className={registry.stack}>
          {!isOver && (
            <Section title={messages.atWork}>
              {of.details.deployment ? (
                <>
                  <p className={registry.quiet}>{messages.atWorkHint}</p>
                  <Snippet code={commands(of)} />
                </>
              ) : (
                <p className={registry.quiet}>{messages.byHand}</p>
              )}
            </Section>
          )}
        </div>
      </div>
      <LiveSection name={of.name} keep={(one) => one.deployment_id === of.deployment_id} />
      {ending && <EndDialog of={of} onClose={() => setEnding(false)} />}
    </div>
  );
}
