/** One file: its name, what is known of it, and the view that fits its kind. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Copy, Download, Info, X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Button, IconButton } from "@/ui/Button";
import { CopyButton } from "@/ui/Copy";
import { formatBytes, formatCount } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { messages as words } from "@/ui/messages";
import { Boundary, ErrorNotice, Skeleton } from "@/ui/Notice";
import { toast, toastError } from "@/ui/Toasts";
import styles from "./files.module.css";
import { type View, viewsOf } from "./kinds";
import { messages } from "./messages";
import {
  clientUri,
  cliSnippet,
  downloadUrl,
  type FileFacts,
  factsQuery,
  type Place,
  pythonSnippet,
} from "./place";
import { visible } from "./spans";

const TextView = lazy(() => import("./TextView"));
const JsonView = lazy(() => import("./JsonView"));
const TableView = lazy(() => import("./TableView"));
const MarkdownView = lazy(() => import("./MarkdownView"));
const ImageView = lazy(() => import("./ImageView"));
const SvgView = lazy(() => import("./SvgView"));
const MediaView = lazy(() => import("./MediaView"));
const FrameView = lazy(() => import("./FrameView"));
const NotebookView = lazy(() => import("./NotebookView"));
const HeaderView = lazy(() => import("./HeaderView"));
const BytesView = lazy(() => import("./BytesView"));

export interface PreviewProps {
  place: Place;
  path: string;
  line?: number;
  onPath: (path: string | undefined, options?: { line?: number; replace?: boolean }) => void;
}

export function Preview({ place, path, line, onPath }: PreviewProps) {
  const views = viewsOf(path);
  const [chosen, setChosen] = useState<View | null>(null);
  const [details, setDetails] = useState(false);
  const facts = useQuery(factsQuery(place, path));
  // A link to a line is a link to a text.
  const usual = line !== undefined && views.includes("text") ? "text" : (views[0] as View);
  const view = chosen ?? usual;
  return (
    <section className={styles.preview} aria-label={visible(path)}>
      <header className={styles.head}>
        <h2 className={styles.path} title={visible(path).slice(0, 1_000)}>
          <bdi>{visible(path)}</bdi>
        </h2>
        {facts.data && <span className={styles.quiet}>{formatBytes(facts.data.size)}</span>}
        <span className={styles.spacer} />
        {views.length > 1 && (
          <fieldset className={styles.switch}>
            <legend className="visually-hidden">{messages.view}</legend>
            {views.map((one) => (
              <Button key={one} kind="quiet" aria-pressed={one === view} onClick={() => setChosen(one)}>
                {messages.views[one]}
              </Button>
            ))}
          </fieldset>
        )}
        <IconButton label={messages.details} aria-pressed={details} onClick={() => setDetails(!details)}>
          <Info size={16} />
        </IconButton>
        <CopyMenu place={place} path={path} stored={facts.data?.uri} />
        <a
          className={styles.action}
          href={downloadUrl(place, path)}
          download
          aria-label={messages.download}
          title={messages.download}
        >
          <Download size={16} />
        </a>
        <IconButton label={messages.close} onClick={() => onPath(undefined)}>
          <X size={16} />
        </IconButton>
      </header>
      {details && facts.data && <Details facts={facts.data} place={place} />}
      {facts.isError ? (
        <ErrorNotice error={facts.error} retry={() => facts.refetch()} />
      ) : (
        <Boundary key={view}>
          <Suspense fallback={<Skeleton height={300} />}>
            <ViewOf view={view} place={place} path={path} line={line} onPath={onPath} />
          </Suspense>
        </Boundary>
      )}
    </section>
  );
}

function ViewOf({ view, place, path, line, onPath }: PreviewProps & { view: View }) {
  const where = { place, path };
  switch (view) {
    case "text":
      return <TextView {...where} line={line} onLine={(to) => onPath(path, { line: to, replace: true })} />;
    case "json":
      return <JsonView {...where} />;
    case "table":
      return <TableView {...where} />;
    case "markdown":
      return <MarkdownView {...where} />;
    case "image":
      return <ImageView {...where} onPath={onPath} />;
    case "svg":
      return <SvgView {...where} />;
    case "audio":
    case "video":
      return <MediaView {...where} kind={view} />;
    case "pdf":
    case "figure":
      return <FrameView {...where} kind={view} />;
    case "notebook":
      return <NotebookView {...where} />;
    case "header":
      return <HeaderView {...where} />;
    case "bytes":
      return <BytesView {...where} hint={messages.noPreview} />;
  }
}

function Details({ facts, place }: { facts: FileFacts; place: Place }) {
  const madeBy = facts.made_by;
  return (
    <dl className={styles.details}>
      <dt>{messages.facts.size}</dt>
      <dd>{`${formatBytes(facts.size)} (${formatCount(facts.size)} B)`}</dd>
      <dt>{messages.facts.sha256}</dt>
      <dd>
        {facts.sha256 ? (
          <>
            <code>{facts.sha256}</code>
            <CopyButton text={facts.sha256} />
          </>
        ) : (
          messages.facts.unknownDigest
        )}
      </dd>
      {madeBy !== null && !("run_id" in place && place.run_id === madeBy) && (
        <>
          <dt>{messages.facts.madeBy}</dt>
          <dd>
            <Link to="/runs/$runId" params={{ runId: madeBy }}>
              {madeBy}
            </Link>
          </dd>
        </>
      )}
      <dt>{messages.facts.stored}</dt>
      <dd>
        <code>{visible(facts.uri)}</code>
      </dd>
    </dl>
  );
}

export function CopyMenu({ place, path, stored }: { place: Place; path: string; stored?: string }) {
  const copy = (text: string) => () =>
    void navigator.clipboard.writeText(text).then(() => toast({ text: words.copied }), toastError);
  const cli = cliSnippet(place, path);
  return (
    <Menu
      label={messages.copyMenu}
      trigger={
        <IconButton label={messages.copyMenu}>
          <Copy size={16} />
        </IconButton>
      }
      entries={[
        { label: messages.copyUri, onSelect: copy(clientUri(place, path)) },
        ...(path ? [{ label: messages.copyPath, onSelect: copy(path) }] : []),
        { label: messages.copyPython, onSelect: copy(pythonSnippet(place, path)) },
        ...(cli === null ? [] : [{ label: messages.copyCli, onSelect: copy(cli) }]),
        ...(stored ? [{ label: messages.copyStored, onSelect: copy(stored) }] : []),
      ]}
    />
  );
}
