/** What tells one run from the baseline, in a list of sentences that can be copied into a note. */
import { CopyButton } from "@/ui/Copy";
import { SelectField } from "@/ui/Field";
import styles from "./Compare.module.css";
import { type Fact, sentencesOf } from "./differences";
import type { ComparedRun } from "./frame";
import { messages } from "./messages";
import { useCompareState } from "./state";

export function SentenceList({ facts, runs }: { facts: readonly Fact[]; runs: readonly ComparedRun[] }) {
  const { compare, setCompare } = useCompareState();
  const found = runs.findIndex((run) => run.id === compare.other);
  const at = found > 0 ? found : 1;
  const run = runs[at];
  if (!run) return null;
  const sections = sentencesOf(facts, at);
  const text = () =>
    sections
      .map((one) => {
        const more = one.more ? `; ${messages.sentences.more(one.more)}` : "";
        return `${messages.sections[one.section]}: ${one.parts.join("; ")}${more}.`;
      })
      .join("\n");
  return (
    <section className={styles.sentences} aria-label={messages.whatDiffers}>
      <div className={styles.bar}>
        <h2>{messages.whatDiffers}</h2>
        <SelectField
          label={messages.of}
          hideLabel
          className={styles.select}
          value={run.id}
          onChange={(event) => setCompare({ other: event.target.value })}
        >
          {runs.slice(1).map((one) => (
            <option key={one.id} value={one.id}>
              {one.name.slice(0, 200)}
            </option>
          ))}
        </SelectField>
        {sections.length > 0 && <CopyButton text={text} label={messages.copySentences} />}
      </div>
      {sections.length ? (
        <ul>
          {sections.map((one) => (
            <li key={one.section}>
              <strong>{messages.sections[one.section]}:</strong> <bdi>{one.parts.join("; ")}</bdi>
              {one.more > 0 && ` ${messages.sentences.more(one.more)}`}.
            </li>
          ))}
        </ul>
      ) : (
        <p>{messages.sameAll(run.name.slice(0, 200))}</p>
      )}
    </section>
  );
}
