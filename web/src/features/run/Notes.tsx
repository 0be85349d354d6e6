/** Notes in Markdown, kept in the tag that MLflow keeps them in. */
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useId, useState } from "react";
import { May } from "@/app/May";
import { Button } from "@/ui/Button";
import { Skeleton } from "@/ui/Notice";
import { setTag } from "./actions";
import { NOTE_TAG, type Run } from "./data";
import { messages } from "./messages";
import styles from "./run.module.css";

const Markdown = lazy(() => import("@/ui/Markdown"));

export function Notes({ run }: { run: Run }) {
  const text = run.data.tags[NOTE_TAG] ?? "";
  const [editing, setEditing] = useState(false);
  return (
    <section className={styles.section} aria-labelledby="run-notes">
      <div className={styles.sectionHead}>
        <h2 id="run-notes">{messages.notes}</h2>
        <span className={styles.spacer} />
        {!editing && (
          <May to="write">
            <Button kind="quiet" onClick={() => setEditing(true)}>
              {text ? messages.editNotes : messages.addNotes}
            </Button>
          </May>
        )}
      </div>
      {editing ? (
        <Editor run={run} text={text} onDone={() => setEditing(false)} />
      ) : text ? (
        <Suspense fallback={<Skeleton height={60} />}>
          <Markdown text={text} />
        </Suspense>
      ) : (
        <p className={styles.quiet}>{messages.noNotes}</p>
      )}
    </section>
  );
}

function Editor({ run, text, onDone }: { run: Run; text: string; onDone: () => void }) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState(text);
  const [preview, setPreview] = useState(false);
  const id = useId();
  return (
    <form
      className={styles.editor}
      onSubmit={async (event) => {
        event.preventDefault();
        if (typed === text || (await setTag(queries, run.info.run_id, NOTE_TAG, typed))) onDone();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
      }}
    >
      <div className={styles.sectionHead}>
        <Button kind="quiet" aria-pressed={!preview} onClick={() => setPreview(false)}>
          {messages.write}
        </Button>
        <Button kind="quiet" aria-pressed={preview} onClick={() => setPreview(true)}>
          {messages.preview}
        </Button>
        <span className={styles.quiet}>{messages.notesHint}</span>
      </div>
      {preview ? (
        <div className={styles.previewBox}>
          <Suspense fallback={<Skeleton height={60} />}>
            <Markdown text={typed} />
          </Suspense>
        </div>
      ) : (
        <>
          <label htmlFor={id} className="visually-hidden">
            {messages.notes}
          </label>
          <textarea id={id} rows={10} value={typed} onChange={(event) => setTyped(event.target.value)} />
        </>
      )}
      <div className={styles.sectionHead}>
        <Button type="submit" kind="primary">
          {messages.save}
        </Button>
        <Button onClick={onDone}>{messages.cancel}</Button>
      </div>
    </form>
  );
}
