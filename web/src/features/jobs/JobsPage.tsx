/** Queues: the runs that wait for a machine, and which agent has which. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { useState } from "react";
import { May } from "@/app/May";
import { useRunChanges } from "@/features/experiment/live";
import { useTitle } from "@/features/registry/parts";
import { serverUrl, shell } from "@/features/registry/snippets";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import controls from "@/ui/controls.module.css";
import { SelectField } from "@/ui/Field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { byQueue, ENDED, isOpen, type Job, type JobState, jobsQuery, OPEN, runNamesQuery } from "./data";
import { JobTable } from "./JobTable";
import styles from "./jobs.module.css";
import { StartDialog } from "./LaunchDialog";
import { messages } from "./messages";

const route = getRouteApi("/queues");
const SHOWS: Record<keyof typeof messages.shows, JobState[]> = { open: OPEN, ended: ENDED, all: [] };
export type Show = keyof typeof SHOWS;

const agentCommand = (queue: string) => `assay -t ${shell(serverUrl())} agent --queue ${shell(queue)}`;
const runCommand = `assay -t ${shell(serverUrl())} run FOLDER --backend queue`;

export function JobsPage() {
  useTitle(messages.queues);
  const search = route.useSearch();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [starting, setStarting] = useState(false);
  const show = search.show ?? "open";
  const query = useInfiniteQuery(jobsQuery(SHOWS[show], search.queue));
  const jobs = query.data?.pages.flatMap((page) => page.items) ?? [];
  const names = useQuery(runNamesQuery(jobs));
  useRunChanges([...new Set(jobs.map((job) => job.experiment_id))], () =>
    queries.invalidateQueries({ queryKey: ["jobs", "list"] }),
  );
  const groups = byQueue(jobs);
  const known = [...new Set([...groups.map(([queue]) => queue), ...(search.queue ? [search.queue] : [])])];
  const set = (change: { queue?: string; show?: Show }) =>
    navigate({ to: "/queues", search: (before) => ({ ...before, ...change }), replace: true });
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <h1>{messages.queues}</h1>
        <May to="write">
          <Button kind="primary" onClick={() => setStarting(true)}>
            <Play size={14} /> {messages.start}
          </Button>
        </May>
      </header>
      <nav className={controls.tabs} aria-label={messages.sections}>
        {(Object.keys(SHOWS) as Show[]).map((one) => (
          <Link
            key={one}
            to="/queues"
            className={controls.tab}
            search={(before) => ({ ...before, show: one === "open" ? undefined : one })}
            activeOptions={{ explicitUndefined: true }}
            aria-current={one === show ? "page" : undefined}
          >
            {messages.shows[one]}
          </Link>
        ))}
      </nav>
      {(known.length > 1 || search.queue) && (
        <div>
          <SelectField
            label={messages.queue}
            value={search.queue ?? ""}
            onChange={(event) => set({ queue: event.target.value || undefined })}
          >
            <option value="">{messages.everyQueue}</option>
            {known.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </SelectField>
        </div>
      )}
      {query.isError ? (
        <ErrorNotice error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton height={220} />
      ) : groups.length === 0 ? (
        <Notice title={messages.none[show]}>
          <p className={styles.quiet}>{messages.noneHint}</p>
          <Snippet code={`${runCommand}\n${agentCommand(search.queue ?? "default")}`} />
        </Notice>
      ) : (
        groups.map(([queue, some]) => (
          <Queue key={queue} queue={queue} jobs={some} names={names.data ?? new Map()} />
        ))
      )}
      {query.hasNextPage && (
        <div>
          <Button disabled={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            {messages.more}
          </Button>
        </div>
      )}
      {starting && <StartDialog queue={search.queue} onClose={() => setStarting(false)} />}
    </div>
  );
}

function Queue({ queue, jobs, names }: { queue: string; jobs: Job[]; names: Map<string, string> }) {
  const waiting = jobs.filter((job) => job.state === "queued").length;
  const held = jobs.filter(isOpen).length - waiting;
  return (
    <section className={styles.queue} aria-label={queue}>
      <div className={styles.queueHead}>
        <h2>{queue}</h2>
        <span className={styles.quiet} role="status">
          {waiting + held > 0 ? messages.counts(waiting, held) : messages.ended(jobs.length)}
        </span>
      </div>
      <JobTable jobs={jobs} names={names} label={queue} />
      {waiting > 0 && held === 0 && (
        <>
          <p className={`${styles.quiet} ${styles.small}`}>{messages.nobody}</p>
          <Snippet code={agentCommand(queue)} />
        </>
      )}
    </section>
  );
}
