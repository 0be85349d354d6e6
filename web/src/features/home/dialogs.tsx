/** Making and renaming an experiment. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useId, useState } from "react";
import { post } from "@/api/client";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { ErrorNotice } from "@/ui/Notice";
import type { Overview } from "./data";
import { messages } from "./messages";

function NameDialog({
  title,
  initial,
  submit,
  onClose,
}: {
  title: string;
  initial: string;
  submit: (name: string) => Promise<unknown>;
  onClose: () => void;
}) {
  const [name, setName] = useState(initial);
  const form = useId();
  const saving = useMutation({ mutationFn: submit });
  const send = (event: FormEvent) => {
    event.preventDefault();
    saving.mutate(name);
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{messages.cancel}</Button>
          <Button kind="primary" type="submit" form={form} disabled={!name.trim() || saving.isPending}>
            {messages.save}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={send}>
        <TextField
          label={messages.createName}
          placeholder={messages.createHint}
          value={name}
          maxLength={500}
          onChange={(event) => setName(event.target.value)}
        />
        {saving.isError && <ErrorNotice error={saving.error} />}
      </form>
    </Dialog>
  );
}

export function CreateDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return (
    <NameDialog
      title={messages.create}
      initial=""
      onClose={onClose}
      submit={async (name) => {
        const made = await post("/api/assay/v1/experiments/create", { name });
        queries.invalidateQueries({ queryKey: ["experiments"] });
        onClose();
        navigate({ to: "/experiments/$ids", params: { ids: made.experiment_id }, search: {} });
      }}
    />
  );
}

export function RenameDialog({ overview, onClose }: { overview: Overview; onClose: () => void }) {
  return (
    <NameDialog
      title={messages.rename}
      initial={overview.experiment.name}
      onClose={onClose}
      submit={async (name) => {
        const experiment_id = overview.experiment.experiment_id;
        await post("/api/2.0/mlflow/experiments/update", { experiment_id, new_name: name });
        onClose();
      }}
    />
  );
}
