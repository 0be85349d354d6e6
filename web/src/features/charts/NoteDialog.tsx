/** Writes, changes or removes the note on a point. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useMe } from "@/app/me";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { formatNumber } from "@/ui/format";
import { toast, toastError } from "@/ui/Toasts";
import styles from "./Editor.module.css";
import { messages } from "./messages";
import { MAX_NOTE, type NotePlace, type PointNote, writeNote } from "./pointNotes";

export interface NoteDraft {
  runId: string;
  /** What the run is called. */
  name: string;
  place: NotePlace;
  /** What stands there already. */
  note: PointNote | null;
}

export default function NoteDialog({ draft, onClose }: { draft: NoteDraft; onClose: () => void }) {
  const { runId, name, note } = draft;
  const words = messages.note;
  const queries = useQueryClient();
  const me = useMe();
  const [typed, setTyped] = useState(note?.text ?? "");
  const [busy, setBusy] = useState(false);
  const form = useId();
  const field = useId();
  const write = async (text: string) => {
    setBusy(true);
    try {
      const { key, step, time } = note ?? draft.place;
      if (!(await writeNote(runId, { key, step, time, text, by: me.name }))) {
        return toast({ text: words.full, tone: "bad" });
      }
      // The marks, and tables that show the tag.
      await queries.invalidateQueries({ queryKey: ["rows"] });
      toast({ text: text ? words.saved : words.removed });
      onClose();
    } catch (error) {
      toastError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={words.title(name, formatNumber(draft.place.step))}
      onClose={onClose}
      actions={
        <>
          {note && (
            <Button kind="quiet" disabled={busy} onClick={() => write("")}>
              {words.remove}
            </Button>
          )}
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button kind="primary" type="submit" form={form} disabled={busy || !typed.trim()}>
            {words.save}
          </Button>
        </>
      }
    >
      <form
        id={form}
        className={styles.editor}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (typed.trim()) void write(typed.trim());
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
        }}
      >
        <label htmlFor={field}>{words.text}</label>
        <textarea
          id={field}
          rows={4}
          maxLength={MAX_NOTE}
          autoFocus
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <p className={styles.quiet}>{words.hint}</p>
      </form>
    </Dialog>
  );
}
