/** Renaming and deleting: what is asked before, and what can't be undone. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { change } from "@/app/me";
import { ActionDialog } from "@/ui/ActionDialog";
import { TextField } from "@/ui/Field";
import { toast } from "@/ui/Toasts";
import { Impact } from "./Impact";
import { messages } from "./messages";
import { Reason, useChange } from "./parts";
import styles from "./Registry.module.css";

const REGISTERED = "/api/2.0/mlflow/registered-models";

export function RenameModel({ name, onClose }: { name: string; onClose: () => void }) {
  const [typed, setTyped] = useState(name);
  const navigate = useNavigate();
  const rename = useChange((to: string) => change("POST", `${REGISTERED}/rename`, { name, new_name: to }), {
    quiet: true,
    done: (_result, to) => {
      toast({ text: messages.renamed(name.slice(0, 60), to.slice(0, 60)) });
      onClose();
      navigate({ to: "/models/$name", params: { name: to }, replace: true });
    },
  });
  const to = typed.trim();
  return (
    <ActionDialog
      title={messages.rename}
      ready={Boolean(to) && to !== name}
      change={rename}
      onGo={() => rename.mutate(to)}
      onClose={onClose}
    >
      <TextField label={messages.name} value={typed} onChange={(event) => setTyped(event.target.value)} />
      <p className={styles.quiet}>{messages.renameHint}</p>
    </ActionDialog>
  );
}

export function DeleteModel({
  name,
  versions,
  onClose,
  onDeleted,
}: {
  name: string;
  versions: number;
  onClose: () => void;
  onDeleted: () => void;
}) {
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const remove = useChange(() => change("DELETE", `${REGISTERED}/delete`, { name, reason: reason.trim() }), {
    quiet: true,
    done: () => {
      toast({ text: messages.deleted(name.slice(0, 60)) });
      onDeleted();
    },
  });
  return (
    <ActionDialog
      title={messages.deleteModel}
      kind="danger"
      ready={typed === name}
      change={remove}
      onGo={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      <p>{messages.deleteModelHint(versions)}</p>
      <TextField
        label={messages.typeName}
        placeholder={name}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <Reason value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

export function DeleteVersion({
  name,
  version,
  onClose,
}: {
  name: string;
  version: string;
  onClose: () => void;
}) {
  const [reason, setReason] = useState("");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = useChange(
    () => change("DELETE", "/api/2.0/mlflow/model-versions/delete", { name, version, reason: reason.trim() }),
    {
      quiet: true,
      done: () => {
        toast({ text: messages.deleted(messages.versionOf(version)) });
        navigate({ to: "/models/$name", params: { name } });
        queries.removeQueries({ queryKey: ["registry", "version", name, version] });
      },
    },
  );
  return (
    <ActionDialog
      title={messages.deleteVersion}
      kind="danger"
      change={remove}
      onGo={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      <p>{messages.deleteVersionHint}</p>
      <Impact name={name} version={version} />
      <Reason value={reason} onChange={setReason} />
    </ActionDialog>
  );
}
