/** What a model's own files say: signature, example, environment, card, digests. None of it is ever run. */
import { useQuery } from "@tanstack/react-query";
import { formatBytes } from "@/ui/format";
import { Notice, Skeleton } from "@/ui/Notice";
import { folderQuery, headerQuery, type Place, textQuery } from "./data";
import { messages } from "./messages";
import { Fact, MarkdownText, Section } from "./parts";
import styles from "./Registry.module.css";
import { type Field, PARTS, signatureOf } from "./signature";

const EXAMPLE = "input_example.json";
const GOLDEN = "golden.json";
/** Characters of an example that are shown. */
const SHOWN = 4_000;
/** Fields drawn of a wide signature. */
const MOST_FIELDS = 500;

export function useFolder(place: Place) {
  const folder = useQuery(folderQuery(place));
  const entries = folder.data?.entries ?? [];
  return {
    ...folder,
    has: (path: string) => entries.some((entry) => entry.path === path),
    size: entries.reduce((sum, entry) => sum + (entry.size ?? 0), 0),
    files: entries.filter((entry) => !entry.is_dir).length,
    folders: entries.filter((entry) => entry.is_dir).length,
  };
}

function Fields({ title, fields }: { title: string; fields: Field[] }) {
  return (
    <div>
      <h3>{title}</h3>
      <section className={styles.scroll} aria-label={title}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th>{messages.name}</th>
              <th>{messages.type}</th>
              <th>{messages.needed}</th>
            </tr>
          </thead>
          <tbody>
            {fields.slice(0, MOST_FIELDS).map((field) => (
              <tr key={field.name}>
                <td className={styles.break}>
                  <bdi>{field.name}</bdi>
                </td>
                <td className={styles.break}>
                  <code>{field.type}</code>
                </td>
                <td>
                  {field.default !== undefined
                    ? messages.byDefault(field.default)
                    : field.required
                      ? messages.required
                      : messages.optional}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {fields.length > MOST_FIELDS && (
        <p className={styles.quiet}>{messages.moreFields(fields.length - MOST_FIELDS)}</p>
      )}
    </div>
  );
}

function SignatureSection({ place }: { place: Place }) {
  const folder = useFolder(place);
  const header = useQuery(headerQuery(place, folder.has("MLmodel")));
  const signature = signatureOf(header.data?.facts);
  return (
    <Section title={messages.signature}>
      {folder.isPending || header.isLoading ? (
        <Skeleton height={80} />
      ) : signature ? (
        PARTS.map((part) => {
          const fields = signature[part];
          return fields && <Fields key={part} title={messages.parts[part]} fields={fields} />;
        })
      ) : (
        <Notice title={messages.noSignature}>{messages.noSignatureHint}</Notice>
      )}
    </Section>
  );
}

/** A list without lists in it. */
const ROW = /\[[^[\]{}"]*\]/g;

function pretty(text: string): string {
  try {
    const spaced = JSON.stringify(JSON.parse(text), null, 1);
    // A line for each number of a row would be a page for each row.
    return spaced.replace(ROW, (row) => row.replace(/\s*\n\s*/g, " "));
  } catch {
    return text;
  }
}

function TextFile({ place, path, title }: { place: Place; path: string; title: string }) {
  const file = useQuery(textQuery(place, path));
  const text = file.data ? (path.endsWith(".json") ? pretty(file.data) : file.data) : "";
  return (
    <Section title={title}>
      {file.isPending ? (
        <Skeleton height={60} />
      ) : file.data === null || file.isError ? (
        <p className={styles.quiet}>{messages.tooLong}</p>
      ) : (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
          <pre className={styles.pre} tabIndex={0}>
            {text.slice(0, SHOWN)}
          </pre>
          {text.length > SHOWN && <p className={styles.quiet}>{messages.cut(path)}</p>}
        </>
      )}
    </Section>
  );
}

function ExampleSection({ place }: { place: Place }) {
  const folder = useFolder(place);
  if (!folder.has(EXAMPLE)) return null;
  return <TextFile place={place} path={EXAMPLE} title={messages.example} />;
}

function GoldenSection({ place }: { place: Place }) {
  const folder = useFolder(place);
  if (!folder.has(GOLDEN)) return null;
  return <TextFile place={place} path={GOLDEN} title={messages.golden} />;
}

/** What goes in and comes out, and examples of both. */
export function SchemaFace({ place }: { place: Place }) {
  return (
    <div className={styles.grid}>
      <SignatureSection place={place} />
      <div className={styles.stack}>
        <ExampleSection place={place} />
        <GoldenSection place={place} />
      </div>
    </div>
  );
}

export function pythonOf(text: string | null | undefined): string | undefined {
  return text?.match(/^python:\s*["']?([\w.]+)/m)?.[1];
}

/** Pins by package; a line without a pin keeps what it says. */
export function pinsOf(text: string | null | undefined): Map<string, string> {
  const lines = (text ?? "").split("\n").map((line) => line.replace(/\s+#.*$/, "").trim());
  return new Map(
    lines
      .filter((line) => line && !line.startsWith("#") && !line.startsWith("-"))
      .map((line) => {
        const at = line.search(/[=<>!~;@[\s]/);
        return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at).replace(/^==/, "").trim()];
      }),
  );
}

export function useEnvironment(place: Place) {
  const folder = useFolder(place);
  const python = useQuery(textQuery(place, "python_env.yaml", folder.has("python_env.yaml")));
  const requirements = useQuery(textQuery(place, "requirements.txt", folder.has("requirements.txt")));
  return {
    loading: folder.isPending || python.isLoading || requirements.isLoading,
    python: pythonOf(python.data),
    pins: pinsOf(requirements.data),
  };
}

export function EnvironmentSection({ place }: { place: Place }) {
  const { loading, python, pins } = useEnvironment(place);
  return (
    <Section title={messages.environment}>
      {loading ? (
        <Skeleton height={80} />
      ) : !python && pins.size === 0 ? (
        <p className={styles.quiet}>{messages.noEnvironment}</p>
      ) : (
        <section className={styles.scroll} aria-label={messages.environment}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th>{messages.package}</th>
                <th>{messages.packageVersion}</th>
              </tr>
            </thead>
            <tbody>
              {[...(python ? [["Python", python] as const] : []), ...pins].map(([name, pin]) => (
                <tr key={name}>
                  <td className={styles.break}>{name}</td>
                  <td className={styles.break}>
                    <code>{pin || messages.any}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Section>
  );
}

export function CardSection({ place }: { place: Place }) {
  const folder = useFolder(place);
  const path = ["MODEL_CARD.md", "README.md"].find(folder.has);
  const file = useQuery(textQuery(place, path ?? "", path !== undefined));
  if (!path) return null;
  // Hubs read the head of a card; people don't.
  const text = file.data?.replace(/^---\n[\s\S]*?\n---\n/, "");
  return (
    <Section title={messages.modelCard}>
      {file.isPending ? (
        <Skeleton height={120} />
      ) : text ? (
        <MarkdownText text={text} />
      ) : (
        <p className={styles.quiet}>{messages.tooLong}</p>
      )}
    </Section>
  );
}

/** Facts of the folder, as terms and their values. */
export function FolderFacts({ place }: { place: Place }) {
  const folder = useFolder(place);
  const header = useQuery(headerQuery(place, folder.has("MLmodel")));
  if (folder.isPending) return null;
  if (folder.isError) {
    return <Fact name={messages.files}>{messages.noFiles}</Fact>;
  }
  return (
    <>
      <Fact name={messages.files}>
        {messages.fileCount(folder.files, folder.folders)}, {formatBytes(folder.size)}
        {folder.folders > 0 && ` ${messages.withoutFolders}`}
      </Fact>
      <Fact name={messages.location}>
        <code>{folder.data?.root}</code>
      </Fact>
      {header.data?.facts.flavors && <Fact name={messages.flavors}>{header.data.facts.flavors}</Fact>}
    </>
  );
}
