/** Doing the run again: one command that also compares, and the steps by hand, as far as what was captured allows. */
import { useState } from "react";
import { serverUrl, shell } from "@/features/registry/snippets";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { capturedOf } from "./About";
import { PATCH_PATH, REQUIREMENTS_PATH, type Run, useHasFile } from "./data";
import { messages } from "./messages";
import { projectMessages } from "./projectMessages";
import { type Installer, reproduceSteps } from "./reproduce";
import styles from "./run.module.css";

const INSTALLERS: Installer[] = ["uv", "pip"];

export function Reproduce({ run }: { run: Run }) {
  const runId = run.info.run_id;
  const captured = capturedOf(run);
  if (!captured.commit && !captured.command) return null;
  return (
    <section className={styles.section} aria-labelledby="run-reproduce">
      <h2 id="run-reproduce">{messages.reproduce}</h2>
      <p className={styles.quiet}>{projectMessages.reproduceHint}</p>
      <Snippet code={`assay -t ${shell(serverUrl())} reproduce ${runId}`} />
      <ByHand run={run} />
    </section>
  );
}

function ByHand({ run }: { run: Run }) {
  const [installer, setInstaller] = useState<Installer>("uv");
  const hasPatch = useHasFile(run, PATCH_PATH) === true;
  const hasRequirements = useHasFile(run, REQUIREMENTS_PATH) === true;
  const captured = capturedOf(run);
  const steps = reproduceSteps({ runId: run.info.run_id, ...captured, hasPatch, hasRequirements }, installer);
  const code = steps
    .map((step) => [`# ${messages.comments[step.comment]}`, ...step.commands].join("\n"))
    .join("\n\n");
  return (
    <details className={styles.byHand}>
      <summary>{projectMessages.steps}</summary>
      <div className={styles.sectionHead}>
        <p className={styles.quiet}>{messages.reproduceHint}</p>
        <span className={styles.spacer} />
        {hasRequirements &&
          INSTALLERS.map((one) => (
            <Button key={one} kind="quiet" aria-pressed={one === installer} onClick={() => setInstaller(one)}>
              {one}
            </Button>
          ))}
      </div>
      <Snippet code={code} />
    </details>
  );
}
