/** How a run of a project was launched, where its job stands, and how to launch it again. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Repeat } from "lucide-react";
import { useState } from "react";
import { May } from "@/app/May";
import { visible } from "@/features/files/spans";
import { CancelDialog } from "@/features/jobs/CancelDialog";
import { againQuery, isOpen, type Job, jobOfRunQuery } from "@/features/jobs/data";
import { JobMark } from "@/features/jobs/JobMark";
import { LaunchDialog } from "@/features/jobs/LaunchDialog";
import { messages as jobMessages } from "@/features/jobs/messages";
import { serverUrl, shell } from "@/features/registry/snippets";
import { RunLink } from "@/features/reproduction/HeadBadge";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { ErrorNotice } from "@/ui/Notice";
import { Fact, isProject, Plain } from "./About";
import { RUN_ID, type Run } from "./data";
import { projectMessages as messages } from "./projectMessages";
import styles from "./run.module.css";

const DIGEST_SHOWN = 19;

export function Launched({ run }: { run: Run }) {
  return isProject(run) ? <LaunchedSection run={run} /> : null;
}

function LaunchedSection({ run }: { run: Run }) {
  const { tags } = run.data;
  const backend = tags["mlflow.project.backend"];
  const isQueued = backend === "queue";
  const job = useQuery({ ...jobOfRunQuery(run.info.run_id), enabled: isQueued });
  const [ending, setEnding] = useState(false);
  const digest = tags["assay.project.environment"] ?? "";
  const from = tags["assay.project.from_run"] ?? "";
  const name = visible(run.info.run_name).slice(0, 200);
  // Of one that goes on in the background: only its machine can end it.
  const host = visible((tags["assay.project.process"] ?? "").split(" ")[0] ?? "").slice(0, 100);
  const isOver = run.info.end_time !== null;
  return (
    <section className={styles.section} aria-labelledby="run-project">
      <div className={styles.sectionHead}>
        <h2 id="run-project">{messages.project}</h2>
        <span className={styles.spacer} />
        {job.data && isOpen(job.data) && !job.data.cancel_asked && (
          <May to="write">
            <Button kind="danger" onClick={() => setEnding(true)}>
              {jobMessages.cancelJob}
            </Button>
          </May>
        )}
      </div>
      <dl className={styles.list}>
        <TagFact name={messages.uri} text={tags["mlflow.source.name"]} />
        <TagFact name={messages.version} text={tags["mlflow.source.git.commit"]} shown={12} />
        <TagFact name={messages.entryPoint} text={tags["mlflow.project.entryPoint"]} />
        {(tags["mlflow.project.env"] || digest) && (
          <Fact name={messages.environment} copy={digest || undefined}>
            <Plain
              text={[tags["mlflow.project.env"], digest.slice(0, DIGEST_SHOWN)].filter(Boolean).join(" · ")}
              code
            />
          </Fact>
        )}
        <TagFact name={messages.backend} text={backend} />
        {RUN_ID.test(from) && (
          <Fact name={messages.from}>
            <RunLink runId={from} />
          </Fact>
        )}
        <TagFact name={messages.reason} text={tags["assay.project.reason"]} />
        {job.data && <JobFacts job={job.data} />}
      </dl>
      {job.isError && <ErrorNotice error={job.error} retry={() => job.refetch()} />}
      {!isOver && !isQueued && (host || (backend && backend !== "local")) && (
        <>
          <p className={styles.quiet}>{messages.stopHint(host)}</p>
          <Snippet code={`assay -t ${shell(serverUrl())} runs stop ${run.info.run_id}`} />
        </>
      )}
      {(!isQueued || job.data !== undefined) && <Again run={run} job={job.data ?? null} />}
      {ending && job.data && <CancelDialog job={job.data} name={name} onClose={() => setEnding(false)} />}
    </section>
  );
}

/** What a tag tells, if there is such a tag. */
function TagFact({ name, text, shown }: { name: string; text: string | undefined; shown?: number }) {
  if (!text) return null;
  return (
    <Fact name={name} copy={text}>
      <Plain text={text.slice(0, shown)} code />
    </Fact>
  );
}

function JobFacts({ job }: { job: Job }) {
  return (
    <>
      <Fact name={messages.queue}>
        <Link to="/queues" search={{ queue: job.queue, show: isOpen(job) ? undefined : "ended" }}>
          {job.queue}
        </Link>
      </Fact>
      <Fact name={messages.job}>
        <JobMark job={job} />
      </Fact>
      {job.agent && (
        <Fact name={messages.agent}>
          <Plain text={job.agent} />
        </Fact>
      )}
      {job.attempt > 0 && (
        <Fact name={messages.attempt}>{jobMessages.attemptOf(job.attempt, job.max_attempts)}</Fact>
      )}
      {job.reason && (
        <Fact name={messages.note}>
          <Plain text={job.reason} />
        </Fact>
      )}
    </>
  );
}

/** Launching it again: from here where agents reach the code, else with the command for the machine that has it. */
function Again({ run, job }: { run: Run; job: Job | null }) {
  const again = useQuery(againQuery(run, job));
  const [open, setOpen] = useState(false);
  if (again.isError) return <ErrorNotice error={again.error} retry={() => again.refetch()} />;
  if (again.isPending) return null;
  if (again.data === null) {
    const project = run.data.tags["mlflow.source.name"];
    if (!project) return null;
    const entry = run.data.tags["mlflow.project.entryPoint"] || "main";
    const given = Object.entries(run.data.params).map(([key, value]) => ` -P ${shell(`${key}=${value}`)}`);
    return (
      <>
        <p className={styles.quiet}>{messages.tooFar}</p>
        <Snippet
          code={`assay -t ${shell(serverUrl())} run ${shell(project)} -e ${shell(entry)}${given.join("")}`}
        />
      </>
    );
  }
  return (
    <May to="write">
      <div>
        <Button onClick={() => setOpen(true)}>
          <Repeat size={14} /> {messages.again}
        </Button>
      </div>
      {open && (
        <LaunchDialog
          title={messages.again}
          launch={again.data}
          queue={job?.queue}
          experimentId={run.info.experiment_id}
          from={run.info.run_id}
          onClose={() => setOpen(false)}
        />
      )}
    </May>
  );
}
