/** Who answers: the shares as a bar, each trial with what may be done about it, and what ends one by itself. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FlaskConical } from "lucide-react";
import { useState } from "react";
import { useMe } from "@/app/me";
import { Section } from "@/features/registry/parts";
import registry from "@/features/registry/Registry.module.css";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/Facts";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { figuresQuery, type Traffic, trafficQuery } from "./data";
import { mains } from "./figures";
import { messages } from "./messages";
import styles from "./serving.module.css";
import { PromoteDialog, StopDialog } from "./TrialDialogs";
import { TryDialog } from "./TryDialog";
import { restOf, type Trial, trialsOf } from "./trials";

const round = (percent: number): number => Number(percent.toFixed(2));

function Bar({ traffic, main }: { traffic: Traffic; main: string }) {
  const rest = round(restOf(traffic));
  const told = [
    ...(rest > 0 ? [`${main} ${rest} %`] : []),
    ...Object.entries(traffic.canaries).map(([selector, percent]) => `${selector} ${percent} %`),
  ];
  return (
    <div className={styles.shares} role="img" aria-label={`${messages.trafficBar}: ${told.join(", ")}`}>
      {rest > 0 && (
        <span className={styles.share} style={{ width: `${rest}%` }}>
          {main} · {rest} %
        </span>
      )}
      {Object.entries(traffic.canaries).map(([selector, percent]) => (
        <span key={selector} className={styles.share} data-kind="canary" style={{ width: `${percent}%` }}>
          <bdi>{selector}</bdi>&nbsp;· {percent} %
        </span>
      ))}
    </div>
  );
}

function TrialRow({
  name,
  trial,
  version,
  onAsk,
}: {
  name: string;
  trial: Trial;
  version: number | null | undefined;
  onAsk: (what: "change" | "promote" | "stop") => void;
}) {
  const me = useMe();
  const { selector, percent, shadow } = trial;
  return (
    <li className={styles.trial}>
      <Chip tone={shadow ? "accent" : "busy"}>{shadow ? messages.shadow : messages.canary}</Chip>
      <strong>
        <bdi className={registry.break}>{selector}</bdi>
      </strong>
      {version == null ? (
        <Chip tone="warn">{messages.means(version)}</Chip>
      ) : (
        <Link to="/models/$name/$version" params={{ name, version: String(version) }}>
          {messages.means(version)}
        </Link>
      )}
      <span className={registry.quiet}>{shadow ? messages.asked(percent) : messages.answers(percent)}</span>
      {me.may("write") && (
        <span className={registry.row}>
          <Button aria-label={messages.changeOf(selector)} onClick={() => onAsk("change")}>
            {messages.change}
          </Button>
          <Button aria-label={messages.promoteOf(selector)} onClick={() => onAsk("promote")}>
            {messages.promote}
          </Button>
          <Button aria-label={messages.stopOf(selector)} onClick={() => onAsk("stop")}>
            {messages.stop}
          </Button>
        </span>
      )}
    </li>
  );
}

export function TrafficSection({ name }: { name: string }) {
  const me = useMe();
  const traffic = useQuery(trafficQuery(name));
  const told = useQuery(figuresQuery(name));
  const [asked, setAsked] = useState<{ what: "try" | "change" | "promote" | "stop"; trial?: Trial } | null>(
    null,
  );
  const served = [...new Set([...mains(told.data, name).values()].flat())].sort((a, b) => a - b);
  const main = served.length ? messages.restOf(served) : messages.rest;
  const close = () => setAsked(null);
  const trials = traffic.data ? trialsOf(traffic.data) : [];
  return (
    <Section
      title={messages.traffic}
      action={
        me.may("write") &&
        traffic.data && (
          <Button onClick={() => setAsked({ what: "try" })}>
            <FlaskConical size={14} aria-hidden="true" />
            {messages.tryVersion}
          </Button>
        )
      }
    >
      {traffic.isError ? (
        <ErrorNotice error={traffic.error} retry={() => traffic.refetch()} />
      ) : traffic.isPending ? (
        <Skeleton height={60} />
      ) : (
        <>
          <Bar traffic={traffic.data} main={main} />
          {trials.length === 0 ? (
            <p className={registry.quiet}>{messages.noTrials}</p>
          ) : (
            <ul className={registry.plain}>
              {trials.map((trial) => (
                <TrialRow
                  key={trial.selector}
                  name={name}
                  trial={trial}
                  version={traffic.data.versions[trial.selector]}
                  onAsk={(what) => setAsked({ what, trial })}
                />
              ))}
            </ul>
          )}
          {trials.length > 0 && (
            <p className={`${registry.quiet} ${registry.small}`}>
              {messages.limits(traffic.data.abort)}{" "}
              {traffic.data.sticky && messages.stickyBy(traffic.data.sticky)}
            </p>
          )}
          <p className={`${registry.quiet} ${registry.small}`}>{messages.trafficHint}</p>
          {(asked?.what === "try" || asked?.what === "change") && (
            <TryDialog name={name} traffic={traffic.data} trial={asked.trial} onClose={close} />
          )}
          {asked?.what === "stop" && asked.trial && (
            <StopDialog name={name} trial={asked.trial} onClose={close} />
          )}
          {asked?.what === "promote" && asked.trial && (
            <PromoteDialog
              name={name}
              trial={asked.trial}
              sources={[...mains(told.data, name).keys()]}
              onClose={close}
            />
          )}
        </>
      )}
    </Section>
  );
}
