/** Where a job stands: a colour, and a shape and a word for who can't tell colours. */
import { Ban, CircleCheck, CircleDot, CircleX, Clock, Hand } from "lucide-react";
import styles from "@/ui/controls.module.css";
import { isOpen, type Job, type JobState } from "./data";
import { messages } from "./messages";

const ICONS: Record<JobState, typeof Clock> = {
  queued: Clock,
  leased: Hand,
  running: CircleDot,
  finished: CircleCheck,
  failed: CircleX,
  cancelled: Ban,
};
/** The colours of a run's status. */
const LIKE: Record<JobState, string> = {
  queued: "SCHEDULED",
  leased: "RUNNING",
  running: "RUNNING",
  finished: "FINISHED",
  failed: "FAILED",
  cancelled: "KILLED",
};

export function JobMark({ job }: { job: Job }) {
  const Icon = ICONS[job.state];
  const stopping = job.cancel_asked && isOpen(job);
  return (
    <span className={styles.status} data-status={LIKE[job.state]}>
      <Icon size={14} aria-hidden="true" />
      {stopping ? messages.stopping : messages.states[job.state]}
    </span>
  );
}
