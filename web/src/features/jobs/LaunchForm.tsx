/** The fields that say what a queue is given. What an agent would refuse anyway is told beside its field. */
import { useId } from "react";
import { SelectField, TextField } from "@/ui/Field";
import { Hinted } from "./Hinted";
import styles from "./jobs.module.css";
import {
  hasVersions,
  isQueue,
  isVersion,
  type Launch,
  MAX_ADDRESS,
  type ParameterRow,
  parametersOf,
  problemOf,
  rowsOf,
  stillDeclared,
} from "./launch";
import { messages } from "./messages";
import { ParameterFields } from "./ParameterFields";

export interface Draft {
  launch: Launch;
  /** As it was before it was changed. */
  before: Launch;
  rows: ParameterRow[];
  queue: string;
  runName: string;
  experimentId: string;
}

export function draftOf(launch: Launch, experimentId: string): Draft {
  return { launch, before: launch, rows: rowsOf(launch), queue: "default", runName: "", experimentId };
}

const checked = ({ launch, before, rows }: Draft) =>
  parametersOf(rows, stillDeclared(launch, before), before.parameters);

/** The launch that the form says. */
export function launchOf(draft: Draft): Launch {
  return {
    ...draft.launch,
    parameters: checked(draft).values,
    declared: stillDeclared(draft.launch, draft.before),
  };
}

/** Whether the form can be sent. */
export function isReady(draft: Draft): boolean {
  const { wrong, problems } = checked(draft);
  return (
    problemOf(draft.launch.project) === null &&
    isVersion(draft.launch.version.trim()) &&
    isQueue(draft.queue) &&
    draft.experimentId !== "" &&
    wrong.length === 0 &&
    Object.keys(problems).length === 0
  );
}

export function LaunchForm({
  draft,
  onChange,
  queues,
  experiments,
}: {
  draft: Draft;
  onChange: (to: Draft) => void;
  /** Queues that are known; any other name makes one. */
  queues: string[];
  /** Where the run may go; none: where it belongs is known. */
  experiments: { id: string; name: string }[];
}) {
  const list = useId();
  const { launch } = draft;
  const set = (change: Partial<Draft>) => onChange({ ...draft, ...change });
  const setLaunch = (change: Partial<Launch>) => set({ launch: { ...launch, ...change } });
  const problem = launch.project ? problemOf(launch.project) : null;
  const ownCommand = Array.isArray(launch.others.command);
  const kept = Object.entries(messages.keptNames).flatMap(([key, name]) =>
    key in launch.others ? [name] : [],
  );
  return (
    <div className={styles.form}>
      <Hinted hint={messages.projectHint} wrong={problem ? messages.problems[problem] : undefined}>
        {(described) => (
          <TextField
            label={messages.project}
            required
            maxLength={MAX_ADDRESS}
            value={launch.project}
            aria-describedby={described}
            aria-invalid={problem !== null}
            onChange={(event) => setLaunch({ project: event.target.value })}
          />
        )}
      </Hinted>
      <div className={styles.columns}>
        {hasVersions(launch.project) && (
          <Hinted
            hint={messages.versionHint}
            wrong={isVersion(launch.version.trim()) ? undefined : messages.wrongVersion}
          >
            {(described) => (
              <TextField
                label={messages.version}
                value={launch.version}
                aria-describedby={described}
                onChange={(event) => setLaunch({ version: event.target.value })}
              />
            )}
          </Hinted>
        )}
        {!ownCommand && (
          <TextField
            label={messages.entryPoint}
            maxLength={250}
            value={launch.entryPoint}
            onChange={(event) => setLaunch({ entryPoint: event.target.value })}
          />
        )}
      </div>
      <ParameterFields
        rows={draft.rows}
        declared={stillDeclared(launch, draft.before)}
        given={draft.before.parameters}
        onChange={(rows) => set({ rows })}
        ownCommand={ownCommand}
      />
      <div className={styles.columns}>
        <Hinted hint={messages.queueHint} wrong={isQueue(draft.queue) ? undefined : messages.wrongQueue}>
          {(described) => (
            <>
              <TextField
                label={messages.queue}
                required
                list={list}
                value={draft.queue}
                aria-describedby={described}
                onChange={(event) => set({ queue: event.target.value })}
              />
              <datalist id={list}>
                {queues.map((name) => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </>
          )}
        </Hinted>
        {experiments.length > 0 && (
          <SelectField
            label={messages.experiment}
            value={draft.experimentId}
            onChange={(event) => set({ experimentId: event.target.value })}
          >
            {experiments.map(({ id, name }) => (
              <option key={id} value={id}>
                {name.slice(0, 120)}
              </option>
            ))}
          </SelectField>
        )}
        <Hinted hint={messages.runNameHint}>
          {(described) => (
            <TextField
              label={messages.runName}
              maxLength={250}
              value={draft.runName}
              aria-describedby={described}
              onChange={(event) => set({ runName: event.target.value })}
            />
          )}
        </Hinted>
      </div>
      {kept.length > 0 && (
        <p className={`${styles.quiet} ${styles.small}`}>{messages.kept(kept.join(", "))}</p>
      )}
    </div>
  );
}
