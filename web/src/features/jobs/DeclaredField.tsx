/** The field of a declared parameter, by its type, with its help and what is wrong with its value. */
import { SelectField, TextField } from "@/ui/Field";
import { type Declared, emptyCounts, fieldOf, mustBeGiven } from "./declared";
import { Hinted } from "./Hinted";
import styles from "./jobs.module.css";
import { messages } from "./messages";

export function DeclaredField({
  declared,
  value,
  given,
  problem,
  onChange,
}: {
  declared: Declared;
  value: string;
  /** Its value in the run before. */
  given: string | undefined;
  problem: string | undefined;
  onChange: (to: { value: string; isBad?: boolean }) => void;
}) {
  const field = fieldOf(declared, given);
  const required = mustBeGiven(declared);
  const empty = emptyCounts(declared, given) ? "" : messages.emptyMeans(declared.default, required);
  const hint = [declared.help || declared.type, required && messages.required].filter(Boolean).join(" · ");
  return (
    <Hinted hint={hint} wrong={problem}>
      {(described) => {
        const shared = {
          label: declared.name,
          required,
          value,
          "aria-describedby": described,
          "aria-invalid": problem !== undefined,
        };
        if (field.kind === "select") {
          return (
            <SelectField {...shared} onChange={(event) => onChange({ value: event.target.value })}>
              {!field.choices.includes("") && <option value="">{empty}</option>}
              {field.choices.map((choice) => (
                <option key={choice} value={choice}>
                  {choice}
                </option>
              ))}
            </SelectField>
          );
        }
        if (field.kind === "number") {
          const { min, max, step } = field;
          return (
            <TextField
              {...shared}
              type="number"
              min={min}
              max={max}
              step={step}
              placeholder={empty}
              // Text that is no number has an empty value: React's onChange tells nothing between two such.
              onInput={({ currentTarget: { value: typed, validity } }) =>
                onChange({ value: typed, isBad: validity.badInput })
              }
            />
          );
        }
        // A text field would take the line ends out of a value of several lines.
        if (/[\r\n]/.test(value)) {
          const { label, ...rest } = shared;
          return (
            <label className={styles.lines}>
              <span>{label}</span>
              <textarea
                {...rest}
                rows={Math.min(6, value.split("\n").length)}
                spellCheck={false}
                onChange={(event) => onChange({ value: event.target.value })}
              />
            </label>
          );
        }
        return (
          <TextField
            {...shared}
            placeholder={empty}
            onChange={(event) => onChange({ value: event.target.value })}
          />
        );
      }}
    </Hinted>
  );
}
