/** The code of the run: its commit, what was not committed, and how it was started. */
import { Download } from "lucide-react";
import { downloadUrl } from "@/features/files/place";
import TextView from "@/features/files/TextView";
import { Notice, Skeleton } from "@/ui/Notice";
import { CommitLink, capturedOf, Fact, Plain } from "./About";
import { PATCH_PATH, type Run, useHasFile } from "./data";
import { messages } from "./messages";
import { Reproduce } from "./Reproduce";
import styles from "./run.module.css";

export default function CodeTab({ run }: { run: Run }) {
  const place = { run_id: run.info.run_id };
  const hasPatch = useHasFile(run, PATCH_PATH);
  const captured = capturedOf(run);
  const words = messages.facts;
  return (
    <div className={styles.column}>
      <section className={styles.section} aria-labelledby="run-code">
        <h2 id="run-code">{messages.code}</h2>
        {!captured.commit && <p className={styles.quiet}>{messages.noGit}</p>}
        <dl className={styles.list}>
          {captured.source && (
            <Fact name={words.source} copy={captured.source}>
              <Plain text={captured.source} code />
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
          {captured.remote && (
            <Fact name={words.remote} copy={captured.remote}>
              <Plain text={captured.remote} code />
            </Fact>
          )}
        </dl>
      </section>
      <section className={styles.section} aria-labelledby="run-patch">
        <div className={styles.sectionHead}>
          <h2 id="run-patch">{messages.patch}</h2>
          <span className={styles.spacer} />
          {hasPatch && (
            <a
              className={styles.iconLink}
              href={downloadUrl(place, PATCH_PATH)}
              download
              aria-label={messages.downloadPatch}
              title={messages.downloadPatch}
            >
              <Download size={16} />
            </a>
          )}
        </div>
        {hasPatch ? (
          <div className={styles.patch}>
            <TextView place={place} path={PATCH_PATH} language="diff" />
          </div>
        ) : hasPatch === null ? (
          <Skeleton height={120} />
        ) : (
          <Notice title={messages.noPatch} />
        )}
      </section>
      <Reproduce run={run} />
    </div>
  );
}
