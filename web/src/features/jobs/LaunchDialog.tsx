/** Giving a project to a queue: a run again with changes, or any project by its address. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { post } from "@/api/client";
import { useMe } from "@/app/me";
import { ActionDialog } from "@/ui/ActionDialog";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { toast } from "@/ui/Toasts";
import { draftOf, isReady, LaunchForm, launchOf } from "./LaunchForm";
import type { Launch } from "./launch";
import { messages } from "./messages";
import { start } from "./start";

const EMPTY: Launch = {
  project: "",
  version: "",
  entryPoint: "main",
  parameters: {},
  declared: [],
  others: {},
};
const MOST = 1_000;

const experimentsQuery = {
  queryKey: ["jobs", "experiments"],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    post("/api/assay/v1/experiments/overview", { max_results: MOST }, signal).then((answer) =>
      answer.experiments.map(({ experiment }) => ({ id: experiment.experiment_id, name: experiment.name })),
    ),
  staleTime: 30_000,
};

/** Queues by the latest jobs. */
const queuesQuery = {
  queryKey: ["jobs", "queues"],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    post("/api/assay/v1/jobs/search", { max_results: MOST }, signal).then((page) =>
      [...new Set(["default", ...page.items.map((job) => job.queue)])].sort(),
    ),
  staleTime: 30_000,
};

/** Any project, into an experiment of the reader's choice. */
export function StartDialog({ queue, onClose }: { queue?: string; onClose: () => void }) {
  const experiments = useQuery(experimentsQuery);
  if (!experiments.data) {
    return (
      <ActionDialog
        title={messages.start}
        ready={false}
        change={{ isPending: false, error: experiments.error }}
        onGo={() => {}}
        onClose={onClose}
      >
        {experiments.isPending && <Skeleton height={240} />}
      </ActionDialog>
    );
  }
  return (
    <LaunchDialog
      title={messages.start}
      launch={EMPTY}
      queue={queue}
      experimentId={experiments.data.find((one) => one.id === "0")?.id ?? experiments.data[0]?.id ?? ""}
      experiments={experiments.data}
      onClose={onClose}
    />
  );
}

export function LaunchDialog({
  title,
  launch,
  queue = "default",
  experimentId,
  experiments = [],
  from,
  onClose,
}: {
  title: string;
  launch: Launch;
  queue?: string;
  experimentId: string;
  experiments?: { id: string; name: string }[];
  /** The run that is run again. */
  from?: string;
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const me = useMe();
  const [draft, setDraft] = useState(() => ({ ...draftOf(launch, experimentId), queue }));
  const queues = useQuery(queuesQuery);
  const put = useMutation({
    mutationFn: () =>
      start({
        launch: launchOf(draft),
        queue: draft.queue,
        experimentId: draft.experimentId,
        runName: draft.runName,
        user: me.name,
        from,
      }),
    onSuccess: (runId) => {
      toast({ text: messages.started(draft.queue) });
      onClose();
      navigate({ to: "/runs/$runId", params: { runId } });
    },
    onSettled: () => {
      queries.invalidateQueries({ queryKey: ["jobs"] });
      queries.invalidateQueries({ queryKey: ["rows"] });
    },
  });
  return (
    <ActionDialog
      title={title}
      action={messages.put}
      size="wide"
      ready={isReady(draft)}
      change={put}
      onGo={() => put.mutate()}
      onClose={onClose}
    >
      {queues.isError && <ErrorNotice error={queues.error} retry={() => queues.refetch()} />}
      <LaunchForm draft={draft} onChange={setDraft} queues={queues.data ?? []} experiments={experiments} />
    </ActionDialog>
  );
}
