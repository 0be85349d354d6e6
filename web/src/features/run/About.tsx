/** Facts of the run in a list. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { visible } from "@/features/files/spans";
import { CopyButton } from "@/ui/Copy";
import { Time } from "@/ui/Facts";
import { experimentQuery, type Run } from "./data";
import { usageFacts } from "./exit";
import { Duration } from "./Head";
import { messages } from "./messages";
import { commitUrl } from "./reproduce";
import styles from "./run.module.css";

const TAGS = {
  source: "mlflow.source.name",
  command: "assay.command",
  commit: "mlflow.source.git.commit",
  branch: "mlflow.source.git.branch",
  remote: "mlflow.source.git.repoURL",
  dirty: "assay.source.git.dirty",
  host: "assay.host",
  python: "assay.python",
  cpu: "assay.cpu",
  gpu: "assay.gpu",
} as const;

/** What was captured with the run, by its plain name. */
export function capturedOf(run: Run): Partial<Record<keyof typeof TAGS, string>> {
  return Object.fromEntries(
    Object.entries(TAGS)
      .map(([name, tag]) => [name, run.data.tags[tag]])
      .filter((pair) => pair[1]),
  );
}

/** Whether a launcher started it, which notes more than a program itself does. */
export const isProject = (run: Run): boolean => run.data.tags["mlflow.source.type"] === "PROJECT";

export function Fact({ name, children, copy }: { name: string; children: ReactNode; copy?: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <span className={styles.factText}>{children}</span>
        {copy !== undefined && <CopyButton text={copy} />}
      </dd>
    </>
  );
}

/** Text of others, in one line, with all of it on hover. */
export function Plain({ text, code = false }: { text: string; code?: boolean }) {
  const shown = visible(text);
  const Tag = code ? "code" : "bdi";
  return <Tag title={shown.length > 60 ? shown.slice(0, 2_000) : undefined}>{shown.slice(0, 2_000)}</Tag>;
}

export function CommitLink({ captured }: { captured: ReturnType<typeof capturedOf> }) {
  const commit = captured.commit ?? "";
  const url = commitUrl(captured.remote, commit);
  const short = visible(commit).slice(0, 12);
  return (
    <>
      {url ? (
        <a href={url} target="_blank" rel="noopener noreferrer" title={messages.openCommit}>
          <code>{short}</code>
        </a>
      ) : (
        <code>{short}</code>
      )}
      {captured.dirty && ` ${captured.dirty === "true" ? messages.dirty : messages.clean}`}
    </>
  );
}

export function About({ run }: { run: Run }) {
  const { info } = run;
  const experiment = useQuery(experimentQuery(info.experiment_id));
  const captured = capturedOf(run);
  const words = messages.facts;
  return (
    <section className={styles.section}>
      <h2>{messages.about}</h2>
      <dl className={styles.list}>
        <Fact name={words.id} copy={info.run_id}>
          <code>{info.run_id}</code>
        </Fact>
        <Fact name={words.experiment}>
          <Link to="/experiments/$ids" params={{ ids: info.experiment_id }}>
            <Plain text={experiment.data?.name ?? info.experiment_id} />
          </Link>
        </Fact>
        <Fact name={words.started}>
          <Time ms={info.start_time} />
        </Fact>
        {info.end_time !== null && (
          <Fact name={words.ended}>
            <Time ms={info.end_time} />
          </Fact>
        )}
        <Fact name={words.duration}>
          <Duration run={run} />
        </Fact>
        {info.user_id && (
          <Fact name={words.user}>
            <Plain text={info.user_id} />
          </Fact>
        )}
        {captured.source && !isProject(run) && (
          <Fact name={words.source} copy={captured.source}>
            <Plain text={captured.source} />
          </Fact>
        )}
        {captured.command && (
          <Fact name={words.command} copy={captured.command}>
            <Plain text={captured.command} code />
          </Fact>
        )}
        {captured.commit && (
          <Fact name={words.commit} copy={captured.commit}>
            <CommitLink captured={captured} />
          </Fact>
        )}
        {captured.branch && (
          <Fact name={words.branch}>
            <Plain text={captured.branch} />
          </Fact>
        )}
        {(["host", "python", "cpu", "gpu"] as const).map(
          (key) =>
            captured[key] && (
              <Fact key={key} name={words[key]}>
                <Plain text={captured[key]} />
              </Fact>
            ),
        )}
        {usageFacts(run).map(({ name, value }) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
        <Fact name={words.artifacts} copy={info.artifact_uri}>
          <Plain text={info.artifact_uri} code />
        </Fact>
      </dl>
    </section>
  );
}
