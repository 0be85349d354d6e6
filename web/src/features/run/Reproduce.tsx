/** Commands that do the run again, as far as what was captured allows. */
import { useState } from "react";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { capturedOf } from "./About";
import { PATCH_PATH, REQUIREMENTS_PATH, type Run, useHasFile } from "./data";
import { messages } from "./messages";
import { type Installer, reproduceSteps } from "./reproduce";
import styles from "./run.module.css";

const INSTALLERS: Installer[] = ["uv", "pip"];

export function Reproduce({ run }: { run: Run }) {
  const [installer, setInstaller] = useState<Installer>("uv");
  const runId = run.info.run_id;
  const hasPatch = useHasFile(run, PATCH_PATH) === true;
  const hasRequirements = useHasFile(run, REQUIREMENTS_PATH) === true;
  const captured = capturedOf(run);
  if (!captured.commit && !captured.command) return null;
  const steps = reproduceSteps({ runId, ...captured, hasPatch, hasRequirements }, installer);
  const code = steps
    .map((step) => [`# ${messages.comments[step.comment]}`, ...step.commands].join("\n"))
    .join("\n\n");
  return (
    <section className={styles.section} aria-labelledby="run-reproduce">
      <div className={styles.sectionHead}>
        <h2 id="run-reproduce">{messages.reproduce}</h2>
        <span className={styles.spacer} />
        {hasRequirements &&
          INSTALLERS.map((one) => (
            <Button key={one} kind="quiet" aria-pressed={one === installer} onClick={() => setInstaller(one)}>
              {one}
            </Button>
          ))}
      </div>
      <p className={styles.quiet}>{messages.reproduceHint}</p>
      <Snippet code={code} />
    </section>
  );
}
