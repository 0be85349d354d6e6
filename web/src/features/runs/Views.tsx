/** The saved views of an experiment: choosing, saving, and what differs from the one that was chosen. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Bookmark, Trash2 } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { get } from "@/api/client";
import type { ExperimentSearch } from "@/features/experiment/search";
import type { SetExperimentState } from "@/features/experiment/state";
import { Button, IconButton } from "@/ui/Button";
import controls from "@/ui/controls.module.css";
import { Dialog } from "@/ui/Dialog";
import { Chip } from "@/ui/Facts";
import { TextField } from "@/ui/Field";
import { Popover } from "@/ui/Popover";
import { toast, toastError } from "@/ui/Toasts";
import { messages } from "./messages";
import styles from "./Views.module.css";
import {
  deleteView,
  privateViews,
  type SavedView,
  sameView,
  saveView,
  sharedViews,
  ViewTooLong,
  viewOf,
  withView,
} from "./views";

export function Views({
  experimentIds,
  state,
  set,
}: {
  experimentIds: string[];
  state: ExperimentSearch;
  set: SetExperimentState;
}) {
  const first = experimentIds[0] ?? "";
  const client = useQueryClient();
  const experiment = useQuery({
    queryKey: ["experiment", first],
    queryFn: ({ signal }) =>
      get("/api/2.0/mlflow/experiments/get", { experiment_id: first }, signal).then((a) => a.experiment),
    staleTime: 60_000,
  });
  const [changes, setChanges] = useState(0);
  const [saving, setSaving] = useState(false);
  const tags = experiment.data?.tags;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change here is in the browser's storage
  const all = useMemo(
    () => [...sharedViews((tags ?? []) as { key: string; value: string }[]), ...privateViews(experimentIds)],
    [tags, experimentIds, changes],
  );
  const current = all.find((one) => one.name === state.saved);
  const now = viewOf(state);
  const modified = current !== undefined && !sameView(current.view, now);

  // An address that asks for nothing of its own opens what the team chose.
  const opened = useRef(false);
  useEffect(() => {
    if (opened.current || !experiment.data) return;
    opened.current = true;
    const preferred = all.find((one) => one.isDefault);
    const plain = Object.entries(state).every(([field, value]) => value === undefined || field === "tab");
    if (preferred && plain) set(withView(preferred.view, preferred.name), { replace: true });
  }, [experiment.data, all, state, set]);

  const after = async () => {
    setChanges((before) => before + 1);
    await client.invalidateQueries({ queryKey: ["experiment", first] });
  };
  const save = async (saved: SavedView) => {
    try {
      await saveView(experimentIds, saved);
      await after();
      set({ saved: saved.name }, { replace: true });
      setSaving(false);
      toast({ text: messages.viewSaved(saved.name) });
    } catch (error) {
      toastError(error instanceof ViewTooLong ? messages.viewTooLong : error);
    }
  };
  const remove = async (saved: SavedView) => {
    try {
      await deleteView(experimentIds, saved);
      await after();
      if (state.saved === saved.name) set({ saved: undefined }, { replace: true });
      toast({ text: messages.viewDeleted(saved.name), undo: () => void save(saved) });
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <>
      <Popover
        label={messages.views}
        trigger={
          <Button>
            <Bookmark size={15} aria-hidden="true" />
            <bdi className={styles.current}>{current ? current.name : messages.views}</bdi>
            {modified && <Chip tone="warn">{messages.viewModified}</Chip>}
          </Button>
        }
      >
        {(close) => (
          <div className={styles.panel}>
            {!all.length && <p className={styles.none}>{messages.viewsNone}</p>}
            <ul className={styles.list}>
              {all.map((one) => (
                <li key={`${one.shared}${one.name}`}>
                  <button
                    type="button"
                    className={controls.menuItem}
                    aria-current={one === current || undefined}
                    onClick={() => {
                      close();
                      set(withView(one.view, one.name));
                    }}
                  >
                    <bdi>{one.name}</bdi>
                    <span className={controls.menuShortcut}>
                      {one.isDefault
                        ? messages.viewIsDefault
                        : one.shared
                          ? messages.viewShare
                          : messages.viewPrivate}
                    </span>
                  </button>
                  <IconButton label={messages.viewDelete(one.name)} onClick={() => remove(one)}>
                    <Trash2 size={14} />
                  </IconButton>
                </li>
              ))}
            </ul>
            <hr className={controls.separator} />
            {modified && current && (
              <>
                <button
                  type="button"
                  className={controls.menuItem}
                  onClick={() => {
                    close();
                    void save({ ...current, view: now });
                  }}
                >
                  {messages.viewUpdate}
                </button>
                <button
                  type="button"
                  className={controls.menuItem}
                  onClick={() => {
                    close();
                    set(withView(current.view, current.name));
                  }}
                >
                  {messages.viewReset}
                </button>
              </>
            )}
            <button
              type="button"
              className={controls.menuItem}
              onClick={() => {
                close();
                setSaving(true);
              }}
            >
              {messages.viewSave}
            </button>
            <button
              type="button"
              className={controls.menuItem}
              onClick={() => {
                close();
                set(withView({}, undefined));
              }}
            >
              {messages.viewLeave}
            </button>
          </div>
        )}
      </Popover>
      {saving && (
        <SaveDialog
          name={current?.name ?? ""}
          onClose={() => setSaving(false)}
          onSave={(name, shared, isDefault) => save({ name, shared, isDefault, view: now })}
        />
      )}
    </>
  );
}

const MOST_NAME = 100;

function SaveDialog({
  name: before,
  onClose,
  onSave,
}: {
  name: string;
  onClose: () => void;
  onSave: (name: string, shared: boolean, isDefault: boolean) => void;
}) {
  const [name, setName] = useState(before);
  const [shared, setShared] = useState(true);
  const [isDefault, setDefault] = useState(false);
  return (
    <Dialog
      title={messages.viewSaveTitle}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{messages.cancel}</Button>
          <Button
            kind="primary"
            disabled={!name.trim()}
            onClick={() => onSave(name.trim(), shared, shared && isDefault)}
          >
            {messages.save}
          </Button>
        </>
      }
    >
      <div className={styles.form}>
        <TextField
          label={messages.viewName}
          value={name}
          maxLength={MOST_NAME}
          onChange={(event) => setName(event.target.value)}
        />
        <label className={styles.choice}>
          <input type="checkbox" checked={shared} onChange={(event) => setShared(event.target.checked)} />
          {messages.viewShared}
        </label>
        <label className={styles.choice}>
          <input
            type="checkbox"
            checked={shared && isDefault}
            disabled={!shared}
            onChange={(event) => setDefault(event.target.checked)}
          />
          {messages.viewDefault}
        </label>
      </div>
    </Dialog>
  );
}
