/** The field that finds in a text, with its options and the way from hit to hit. */
import { ArrowDown, ArrowUp, CaseSensitive, Regex } from "lucide-react";
import { IconButton } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import styles from "./code.module.css";
import { messages } from "./messages";
import type { Find } from "./useFind";

export function FindBar({ find }: { find: Find }) {
  const count = find.lines.length;
  const told = !find.pattern
    ? ""
    : find.problem === "invalid"
      ? messages.badRegex
      : find.problem === "slow"
        ? messages.slowRegex
        : find.busy
          ? messages.searching
          : count
            ? messages.hits(find.at + 1, count, find.more)
            : messages.noHits;
  return (
    <search className={styles.find}>
      <TextField
        label={messages.find}
        hideLabel
        type="search"
        placeholder={messages.findHint}
        value={find.pattern}
        aria-invalid={find.problem ? true : undefined}
        onChange={(event) => find.set({ pattern: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          find.go(find.at + (event.shiftKey ? -1 : 1));
        }}
      />
      <IconButton
        label={messages.matchCase}
        aria-pressed={find.matchCase}
        onClick={() => find.set({ matchCase: !find.matchCase })}
      >
        <CaseSensitive size={16} />
      </IconButton>
      <IconButton
        label={messages.regex}
        aria-pressed={find.regex}
        onClick={() => find.set({ regex: !find.regex })}
      >
        <Regex size={16} />
      </IconButton>
      <IconButton label={messages.previous} disabled={!count} onClick={() => find.go(find.at - 1)}>
        <ArrowUp size={16} />
      </IconButton>
      <IconButton label={messages.next} disabled={!count} onClick={() => find.go(find.at + 1)}>
        <ArrowDown size={16} />
      </IconButton>
      <span className={styles.told} role="status">
        {told}
      </span>
    </search>
  );
}
