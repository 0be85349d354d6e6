/** The run's tags: added, changed and deleted in place. Those that clients set for themselves are folded away. */
import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { May } from "@/app/May";
import { visible } from "@/features/files/spans";
import { Button, IconButton } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { deleteTag, setTag } from "./actions";
import { byName, type Run } from "./data";
import { messages } from "./messages";
import { Value } from "./ParamTable";
import styles from "./run.module.css";

const OF_SYSTEM = /^(?:mlflow|assay)\./;

export function Tags({ run }: { run: Run }) {
  const [adding, setAdding] = useState(false);
  const keys = Object.keys(run.data.tags).sort(byName);
  const own = keys.filter((key) => !OF_SYSTEM.test(key));
  const system = keys.filter((key) => OF_SYSTEM.test(key));
  return (
    <section className={styles.section} aria-labelledby="run-tags">
      <div className={styles.sectionHead}>
        <h2 id="run-tags">{messages.tags}</h2>
        <span className={styles.spacer} />
        <May to="write">
          <IconButton label={messages.addTag} onClick={() => setAdding(true)}>
            <Plus size={16} />
          </IconButton>
        </May>
      </div>
      {adding && <TagForm run={run} onDone={() => setAdding(false)} />}
      {own.length === 0 && !adding && <p className={styles.quiet}>{messages.noTags}</p>}
      <ul className={styles.tags}>
        {own.map((key) => (
          <TagRow key={key} run={run} name={key} />
        ))}
      </ul>
      {system.length > 0 && (
        <details>
          <summary>{messages.systemTags(system.length)}</summary>
          <ul className={styles.tags}>
            {system.map((key) => (
              <TagRow key={key} run={run} name={key} fixed />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function TagRow({ run, name, fixed = false }: { run: Run; name: string; fixed?: boolean }) {
  const queries = useQueryClient();
  const [editing, setEditing] = useState(false);
  const shown = visible(name).slice(0, 200);
  if (editing) {
    return (
      <li>
        <TagForm run={run} name={name} onDone={() => setEditing(false)} />
      </li>
    );
  }
  return (
    <li className={styles.tag}>
      <span className={styles.tagText}>
        <bdi className={styles.tagKey}>{shown}</bdi> <Value text={run.data.tags[name] ?? ""} />
      </span>
      {!fixed && (
        <May to="write">
          <span className={styles.tagActs}>
            <IconButton label={messages.editTag(shown)} onClick={() => setEditing(true)}>
              <Pencil size={13} />
            </IconButton>
            <IconButton label={messages.deleteTag(shown)} onClick={() => deleteTag(queries, run, name)}>
              <Trash2 size={13} />
            </IconButton>
          </span>
        </May>
      )}
    </li>
  );
}

function TagForm({ run, name, onDone }: { run: Run; name?: string; onDone: () => void }) {
  const queries = useQueryClient();
  const [key, setKey] = useState(name ?? "");
  const [value, setValue] = useState(name === undefined ? "" : (run.data.tags[name] ?? ""));
  return (
    <form
      className={styles.tagForm}
      onSubmit={async (event) => {
        event.preventDefault();
        if (key.trim() && (await setTag(queries, run.info.run_id, name ?? key.trim(), value))) onDone();
      }}
      onKeyDown={(event) => event.key === "Escape" && onDone()}
    >
      {name === undefined ? (
        <TextField
          label={messages.tagKey}
          autoFocus
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
      ) : (
        <bdi className={styles.tagKey}>{visible(name).slice(0, 200)}</bdi>
      )}
      <TextField
        label={messages.tagValue}
        autoFocus={name !== undefined}
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <Button type="submit" kind="primary">
        {messages.save}
      </Button>
      <Button onClick={onDone}>{messages.cancel}</Button>
    </form>
  );
}
