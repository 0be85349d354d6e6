/** Ending a job: at once while it waits, else by its agent. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { act } from "@/app/me";
import { forget } from "@/features/run/data";
import { ActionDialog } from "@/ui/ActionDialog";
import { TextField } from "@/ui/Field";
import { toast } from "@/ui/Toasts";
import { isOpen, type Job } from "./data";
import { messages } from "./messages";

const MAX_REASON = 500;

export function CancelDialog({ job, name, onClose }: { job: Job; name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const cancel = useMutation({
    mutationFn: () => act("/api/assay/v1/jobs/cancel", { job_id: job.job_id, reason: reason.trim() }),
    onSuccess: (after) => {
      toast({ text: isOpen(after) ? messages.cancelAsked : messages.cancelled });
      onClose();
    },
    onSettled: () => {
      queries.invalidateQueries({ queryKey: ["jobs"] });
      forget(queries, job.run_id);
    },
  });
  return (
    <ActionDialog
      title={messages.cancelJob}
      kind="danger"
      keep={messages.keep}
      change={cancel}
      onGo={() => cancel.mutate()}
      onClose={onClose}
    >
      <p>
        {job.state === "queued"
          ? messages.cancelWaits(name)
          : messages.cancelHeld(name, job.agent || messages.agent)}
      </p>
      <TextField
        label={messages.why}
        maxLength={MAX_REASON}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </ActionDialog>
  );
}
