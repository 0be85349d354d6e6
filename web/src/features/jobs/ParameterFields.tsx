/** The fields for a run's parameters: one by its type for what is declared, and rows of name and text for the rest. */
import { Plus, X } from "lucide-react";
import { Button, IconButton } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { DeclaredField } from "./DeclaredField";
import type { Declared } from "./declared";
import styles from "./jobs.module.css";
import { declaredRow, own, type ParameterRow, parametersOf, plainRows } from "./launch";
import { messages } from "./messages";

export function ParameterFields({
  rows,
  declared,
  given,
  onChange,
  ownCommand,
}: {
  rows: ParameterRow[];
  /** What the entry point declares; nothing: every parameter is a row of a name and a text. */
  declared: Declared[];
  /** Values of the run before. */
  given: Record<string, string>;
  onChange: (to: ParameterRow[]) => void;
  ownCommand: boolean;
}) {
  const { wrong, problems } = parametersOf(rows, declared, given);
  const shown = plainRows(rows, declared, given);
  const change = (id: number, to: Partial<ParameterRow>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...to } : row)));
  const next = Math.max(-1, ...rows.map((row) => row.id)) + 1;
  let hint: string = shown.length ? messages.parametersHint : messages.noParameters;
  if (declared.length) hint = messages.declaredHint;
  if (ownCommand) hint = messages.ownCommand;
  return (
    <fieldset className={styles.parameters}>
      <legend>{messages.parameters}</legend>
      <p className={`${styles.quiet} ${styles.small}`}>{hint}</p>
      {declared.length > 0 && (
        <div className={styles.columns}>
          {declared.map((one) => {
            const row = declaredRow(rows, one.name);
            return (
              <DeclaredField
                key={one.name}
                declared={one}
                value={row?.value ?? ""}
                given={own(given, one.name)}
                problem={own(problems, one.name)}
                onChange={(to) =>
                  row
                    ? change(row.id, { isBad: false, ...to })
                    : onChange([...rows, { id: next, name: one.name, isDeclared: true, ...to }])
                }
              />
            );
          })}
        </div>
      )}
      {shown.map((row, place) => (
        <div key={row.id} className={styles.parameter}>
          <TextField
            label={messages.parameterName(place + 1)}
            hideLabel
            placeholder={messages.name}
            maxLength={250}
            value={row.name}
            onChange={(event) => change(row.id, { name: event.target.value, isDeclared: false })}
          />
          <Value row={row} place={place + 1} onChange={(value) => change(row.id, { value, isBad: false })} />
          <IconButton
            label={messages.removeParameter(row.name, place + 1)}
            onClick={() => onChange(rows.filter((one) => one.id !== row.id))}
          >
            <X size={14} />
          </IconButton>
        </div>
      ))}
      {wrong.length > 0 && <p className={`${styles.wrong} ${styles.small}`}>{messages.wrongNames(wrong)}</p>}
      <div>
        <Button onClick={() => onChange([...rows, { id: next, name: "", value: "" }])}>
          <Plus size={14} /> {messages.addParameter}
        </Button>
      </div>
    </fieldset>
  );
}

/** A text field would take the line ends out of a value of several lines. */
function Value({
  row,
  place,
  onChange,
}: {
  row: ParameterRow;
  place: number;
  onChange: (to: string) => void;
}) {
  const label = messages.parameterValue(row.name, place);
  if (/[\r\n]/.test(row.value)) {
    return (
      <textarea
        aria-label={label}
        rows={Math.min(6, row.value.split("\n").length)}
        spellCheck={false}
        value={row.value}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  }
  return (
    <TextField
      label={label}
      hideLabel
      placeholder={messages.value}
      value={row.value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
