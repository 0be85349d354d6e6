/** How a model is loaded, asked and fetched from here: lines to copy. */
import { CopyButton, Snippet } from "@/ui/Copy";
import type { Place } from "./data";
import { useFolder } from "./ModelFiles";
import { messages } from "./messages";
import { Section } from "./parts";
import styles from "./Registry.module.css";
import { fetchSnippet, loadSnippet, predictSnippet, serveSnippet } from "./snippets";

export function UseSection({ uri, place }: { uri: string; place: Place }) {
  const folder = useFolder(place);
  return (
    <Section title={messages.use}>
      <div className={styles.row}>
        <code className={styles.break}>{uri}</code>
        <CopyButton text={uri} label={messages.copyUri} />
      </div>
      <h3>{messages.inPython}</h3>
      <Snippet code={loadSnippet(uri, folder.has("input_example.json"))} />
      <h3>{messages.inTerminal}</h3>
      <Snippet code={predictSnippet(uri)} />
      <Snippet code={fetchSnippet(uri)} />
      <Snippet code={serveSnippet(uri)} />
      <p className={`${styles.quiet} ${styles.small}`}>{messages.serveHint}</p>
    </Section>
  );
}
