/** One file: its name, what is known of it, and the view that fits its kind. */
import { useQuery } from "@tanstack/react-query";
import { Copy, Download, Info, X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { keep, readKept } from "@/app/preferences";
import { Button, IconButton } from "@/ui/Button";
import { formatBytes } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { messages as words } from "@/ui/messages";
import { Boundary, ErrorNotice, Skeleton } from "@/ui/Notice";
import { toast, toastError } from "@/ui/Toasts";
import { Details } from "./Details";
import styles from "./files.module.css";
import { type View, viewsOf } from "./kinds";
import { messages } from "./messages";
import {
  clientUri,
  cliSnippet,
  downloadUrl,
  factsQuery,
  headerQuery,
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
const ShapeView = lazy(() => import("./shapes/ShapeView"));
const BytesView = lazy(() => import("./BytesView"));

/** Who wants to see what a file came of wants it of the next one too. */
const DETAILS = "assay.files.details";

export interface PreviewProps {
  place: Place;
  path: string;
  line?: number;
  onPath: (path: string | undefined, options?: { line?: number; replace?: boolean }) => void;
}

export function Preview({ place, path, line, onPath }: PreviewProps) {
  const views = useViews(place, path);
  const [chosen, setChosen] = useState<View | null>(null);
  const [details, setDetails] = useState(() => readKept<boolean>(DETAILS, false) === true);
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
        <IconButton
          label={messages.details}
          aria-pressed={details}
          onClick={() => {
            setDetails(!details);
            keep(DETAILS, !details);
          }}
        >
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
      {details && facts.data && <Details facts={facts.data} place={place} path={path} />}
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

/** The views of a file; an array is one of points only if its shape says so. */
function useViews(place: Place, path: string): View[] {
  const views = viewsOf(path);
  const isArray = views[0] === "header" && views.includes("shape");
  const header = useQuery({ ...headerQuery(place, path), enabled: isArray });
  if (!isArray) return views;
  const shape = header.data?.tensors[0]?.shape ?? [];
  const columns = Number(shape[1] ?? 0);
  return shape.length === 2 && columns >= 3 && columns <= 6
    ? views
    : views.filter((view) => view !== "shape");
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
    case "shape":
      return <ShapeView {...where} />;
    case "bytes":
      return <BytesView {...where} hint={messages.noPreview} />;
  }
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
