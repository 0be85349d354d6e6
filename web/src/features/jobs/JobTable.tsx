/** The jobs of one queue. */
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { May } from "@/app/May";
import { visible } from "@/features/files/spans";
import { Button } from "@/ui/Button";
import { Time } from "@/ui/Facts";
import { CancelDialog } from "./CancelDialog";
import { isOpen, type Job } from "./data";
import { JobMark } from "./JobMark";
import styles from "./jobs.module.css";
import { messages } from "./messages";

const MAX_TEXT = 300;

export function JobTable({ jobs, names, label }: { jobs: Job[]; names: Map<string, string>; label: string }) {
  const [ending, setEnding] = useState<Job | null>(null);
  const nameOf = (job: Job) => visible(names.get(job.run_id) ?? job.run_id).slice(0, 200);
  const anyOpen = jobs.some(isOpen);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <div className={styles.scroll} tabIndex={0} role="region" aria-label={label}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{messages.run}</th>
              <th scope="col">{messages.state}</th>
              <th scope="col">{messages.agent}</th>
              <th scope="col" title={messages.attemptHint}>
                {messages.attempt}
              </th>
              <th scope="col">{messages.since}</th>
              <th scope="col" title={messages.heardHint}>
                {messages.heard}
              </th>
              <th scope="col">{messages.by}</th>
              <th scope="col">{messages.reason}</th>
              {anyOpen && (
                <th scope="col">
                  <span className="visually-hidden">{messages.actions}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <tr key={job.job_id}>
                <th scope="row">
                  <Link to="/runs/$runId" params={{ runId: job.run_id }}>
                    <bdi>{nameOf(job)}</bdi>
                  </Link>
                </th>
                <td>
                  <JobMark job={job} />
                </td>
                <td>
                  {job.agent ? (
                    <bdi>{visible(job.agent).slice(0, MAX_TEXT)}</bdi>
                  ) : (
                    <span className={styles.quiet}>{messages.noAgent}</span>
                  )}
                </td>
                <td title={messages.attemptHint}>{messages.attemptOf(job.attempt, job.max_attempts)}</td>
                <td>
                  <Time ms={job.created} />
                </td>
                <td>
                  <Time ms={job.updated} />
                </td>
                <td>
                  <bdi>{visible(job.author).slice(0, MAX_TEXT)}</bdi>
                </td>
                <td className={styles.note}>
                  <bdi>{visible(job.reason).slice(0, MAX_TEXT)}</bdi>
                </td>
                {anyOpen && (
                  <td>
                    {isOpen(job) && !job.cancel_asked && (
                      <May to="write">
                        <Button
                          kind="danger"
                          aria-label={messages.cancelNamed(nameOf(job))}
                          onClick={() => setEnding(job)}
                        >
                          {messages.cancel}
                        </Button>
                      </May>
                    )}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {ending && <CancelDialog job={ending} name={nameOf(ending)} onClose={() => setEnding(null)} />}
    </>
  );
}
