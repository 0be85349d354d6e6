/** The dialog that makes or changes a panel: which metrics, or which expression, and what differs from the others. */
import { type FormEvent, useId, useMemo, useState } from "react";
import { ExpressionError, parseExpression } from "@/charts/expression";
import { SCALES } from "@/charts/ranges";
import { SMOOTHINGS } from "@/charts/smoothing";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextField } from "@/ui/Field";
import { AxisSelect } from "./AxisSelect";
import styles from "./Editor.module.css";
import { messages } from "./messages";
import { matcher, naturally } from "./sections";
import { OUTLIERS, type PanelChange } from "./state";

const MOST = 60;
type Kind = "keys" | "pattern" | "expr";

export function PanelEditor({
  spec,
  keys,
  onSave,
  onClose,
}: {
  spec: PanelChange | null;
  keys: string[];
  onSave: (change: PanelChange) => void;
  onClose: () => void;
}) {
  const words = messages.editor;
  const [draft, setDraft] = useState<PanelChange>(spec ?? {});
  const [kind, setKind] = useState<Kind>(
    spec?.expr !== undefined ? "expr" : spec?.pattern !== undefined ? "pattern" : "keys",
  );
  const [axisMistake, setAxisMistake] = useState("");
  const form = useId();
  const change = (part: PanelChange) => setDraft((before) => ({ ...before, ...part }));
  const mistake = useMemo(() => mistakeIn(kind, draft, keys), [kind, draft, keys]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (mistake || axisMistake) return;
    onSave({
      ...draft,
      keys: kind === "keys" ? draft.keys : undefined,
      pattern: kind === "pattern" ? draft.pattern : undefined,
      expr: kind === "expr" ? draft.expr : undefined,
      right: kind === "keys" && draft.right?.length ? draft.right : undefined,
      title: draft.title || undefined,
    });
    onClose();
  };
  return (
    <Dialog
      title={spec ? words.edit : words.add}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button kind="primary" type="submit" form={form} disabled={mistake !== "" || axisMistake !== ""}>
            {words.save}
          </Button>
        </>
      }
    >
      <form id={form} className={styles.editor} onSubmit={submit}>
        <fieldset className={styles.kinds}>
          <legend>{words.what}</legend>
          {(Object.keys(words.kinds) as Kind[]).map((one) => (
            <label key={one}>
              <input type="radio" name="kind" checked={kind === one} onChange={() => setKind(one)} />
              {words.kinds[one]}
            </label>
          ))}
        </fieldset>
        {kind === "keys" && <KeyPicker keys={keys} draft={draft} change={change} />}
        {kind === "pattern" && (
          <TextField
            label={words.pattern}
            value={draft.pattern ?? ""}
            maxLength={200}
            onChange={(event) => change({ pattern: event.target.value })}
          />
        )}
        {kind === "pattern" && (
          <p className={styles.quiet}>{words.matches(keys.filter(matcher(draft.pattern ?? "")).length)}</p>
        )}
        {kind === "expr" && (
          <>
            <TextField
              label={words.expr}
              value={draft.expr ?? ""}
              maxLength={500}
              aria-invalid={mistake !== "" && Boolean(draft.expr)}
              onChange={(event) => change({ expr: event.target.value })}
            />
            <p className={styles.quiet}>{words.exprHint}</p>
          </>
        )}
        {mistake && (kind === "keys" || draft.expr || draft.pattern) && (
          <p className={styles.mistake} role="alert">
            {mistake}
          </p>
        )}
        <TextField
          label={words.title}
          placeholder={words.titleHint}
          value={draft.title ?? ""}
          maxLength={200}
          onChange={(event) => change({ title: event.target.value })}
        />
        <Looks draft={draft} keys={keys} change={change} onMistake={setAxisMistake} />
      </form>
    </Dialog>
  );
}

function mistakeIn(kind: Kind, draft: PanelChange, keys: string[]): string {
  if (kind === "keys") return draft.keys?.length ? "" : messages.editor.none;
  if (kind === "pattern") return draft.pattern ? "" : messages.editor.none;
  try {
    parseExpression(draft.expr ?? "", keys);
    return "";
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
}

type PartProps = { draft: PanelChange; change: (part: PanelChange) => void };

function KeyPicker({ keys, draft, change }: PartProps & { keys: string[] }) {
  const words = messages.editor;
  const [find, setFind] = useState("");
  const chosen = new Set(draft.keys);
  const right = new Set(draft.right);
  const found = useMemo(() => keys.filter(matcher(find)).sort(naturally), [keys, find]);
  const picked = [...chosen];
  const list = [...picked, ...found.filter((key) => !chosen.has(key))].slice(0, MOST + picked.length);
  const flip = (set: ReadonlySet<string>, key: string) =>
    set.has(key) ? [...set].filter((one) => one !== key) : [...set, key];
  return (
    <>
      <TextField label={words.filter} value={find} onChange={(event) => setFind(event.target.value)} />
      <ul className={styles.picker}>
        {list.map((key) => (
          <li key={key}>
            <label>
              <input
                type="checkbox"
                checked={chosen.has(key)}
                onChange={() => change({ keys: flip(chosen, key) })}
              />
              <bdi>{key}</bdi>
            </label>
            {chosen.has(key) && chosen.size > 1 && (
              <label>
                <input
                  type="checkbox"
                  aria-label={words.rightOf(key)}
                  checked={right.has(key)}
                  onChange={() => change({ right: flip(right, key) })}
                />
                {words.right}
              </label>
            )}
          </li>
        ))}
      </ul>
      {found.length > list.length && (
        <p className={styles.quiet}>{words.shownOf(list.length, keys.length)}</p>
      )}
    </>
  );
}

function Looks({
  draft,
  keys,
  change,
  onMistake,
}: PartProps & { keys: string[]; onMistake: (mistake: string) => void }) {
  const words = messages.editor;
  const number = (text: string) =>
    text.trim() === "" || !Number.isFinite(Number(text)) ? undefined : Number(text);
  return (
    <div className={styles.looks}>
      <AxisSelect
        value={draft.x ?? ""}
        keys={keys}
        follow={words.follow}
        onMistake={onMistake}
        onChange={(x) => change({ x: x || undefined })}
      />
      <SelectField
        label={messages.yScale}
        value={draft.y ?? ""}
        onChange={(event) => change({ y: SCALES.find((one) => one === event.target.value) })}
      >
        <option value="">{words.follow}</option>
        {SCALES.map((one) => (
          <option key={one} value={one}>
            {messages.scales[one]}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={messages.smoothing}
        value={draft.smooth ?? ""}
        onChange={(event) => change({ smooth: SMOOTHINGS.find((one) => one === event.target.value) })}
      >
        <option value="">{words.follow}</option>
        {SMOOTHINGS.map((one) => (
          <option key={one} value={one}>
            {messages.smoothings[one]}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={messages.outliers}
        value={draft.outliers ?? ""}
        onChange={(event) => change({ outliers: number(event.target.value) })}
      >
        <option value="">{words.follow}</option>
        {OUTLIERS.map((one) => (
          <option key={one} value={one}>
            {one ? messages.outliersOf(one) : messages.outliersNone}
          </option>
        ))}
      </SelectField>
      <TextField
        label={words.least}
        inputMode="decimal"
        placeholder={words.auto}
        defaultValue={draft.min ?? ""}
        onChange={(event) => change({ min: number(event.target.value) })}
      />
      <TextField
        label={words.most}
        inputMode="decimal"
        placeholder={words.auto}
        defaultValue={draft.max ?? ""}
        onChange={(event) => change({ max: number(event.target.value) })}
      />
    </div>
  );
}
