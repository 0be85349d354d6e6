/** What runs or draws by itself, in a frame that can reach neither this page nor the network. */
import { useQuery } from "@tanstack/react-query";
import { send } from "@/api/client";
import { ErrorNotice, Notice, Skeleton } from "@/ui/Notice";
import { BytesView } from "./BytesView";
import { messages } from "./messages";
import { figureUrl, type Place, placeKey, rawUrl } from "./place";
import styles from "./views.module.css";

/** HTML, Plotly and Vega figures. `allow-same-origin` must never be added: the frame would be this page's equal. */
export function FigureView({ place, path }: { place: Place; path: string }) {
  const url = figureUrl(place, path);
  // A frame can't tell that its page is an error, so the answer is looked at first.
  const check = useQuery({
    queryKey: ["files", "figure", placeKey(place), path],
    queryFn: async ({ signal }) => {
      const answer = await send(url, { signal });
      await answer.body?.cancel();
      return true;
    },
    retry: false,
    staleTime: 30_000,
  });
  if (check.isError) return <ErrorNotice error={check.error} retry={() => check.refetch()} />;
  if (!check.data) return <Skeleton height={400} />;
  return (
    <div className={styles.fill}>
      <iframe
        className={styles.frame}
        sandbox="allow-scripts"
        referrerPolicy="no-referrer"
        title={messages.figureTitle(path)}
        src={url}
      />
      <p className={styles.quiet}>{messages.figureHint}</p>
    </div>
  );
}

const PDF_START = "%PDF-";

export function PdfView({ place, path }: { place: Place; path: string }) {
  const url = rawUrl(place, path);
  const start = useQuery({
    queryKey: ["files", "start", placeKey(place), path],
    queryFn: ({ signal }) =>
      send(url, { headers: { range: `bytes=0-${PDF_START.length - 1}` }, signal }).then((answer) =>
        answer.text(),
      ),
    retry: false,
    staleTime: 30_000,
  });
  if (start.isError) return <ErrorNotice error={start.error} retry={() => start.refetch()} />;
  if (start.data === undefined) return <Skeleton height={400} />;
  if (!start.data.startsWith(PDF_START)) {
    return (
      <div className={styles.fill}>
        <Notice title={messages.notThisKind} tone="warn">
          {messages.notThisKindHint}
        </Notice>
        <BytesView place={place} path={path} />
      </div>
    );
  }
  return <iframe className={styles.frame} title={messages.pdfTitle(path)} src={url} />;
}

export default function FrameView({
  place,
  path,
  kind,
}: {
  place: Place;
  path: string;
  kind: "figure" | "pdf";
}) {
  return kind === "pdf" ? <PdfView place={place} path={path} /> : <FigureView place={place} path={path} />;
}
