/** Webhooks: seen, made, tried, switched off, and what was sent to them. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, Plus } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import { type AnswerOf, get, post } from "@/api/client";
import { Button, IconButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Chip, Time } from "@/ui/Facts";
import { TextField } from "@/ui/Field";
import { Menu } from "@/ui/Menu";
import { ErrorNotice, Skeleton } from "@/ui/Notice";
import { toast, toastError } from "@/ui/Toasts";
import { messages } from "./messages";
import styles from "./settings.module.css";

type Webhook = AnswerOf<"/api/assay/v1/webhooks/page", "get">["items"][number];

/** Events that can be chosen, as `entity.action`. */
const EVENTS = [
  "registered_model.created",
  "model_version.created",
  "model_version.rolled_back",
  "model_version.alerted",
  "model_version_stage.changed",
  "model_version_tag.set",
  "model_version_tag.deleted",
  "model_version_alias.created",
  "model_version_alias.deleted",
  "transition_request.created",
  "transition_request.approved",
  "transition_request.completed",
  "transition_request.closed",
];

const KEY = ["webhooks"];

function NewWebhook({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const form = useId();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(["model_version.created"]));
  const saving = useMutation({
    mutationFn: (data: FormData) =>
      post("/api/assay/v1/webhooks/create", {
        webhook: {
          name: String(data.get("name")),
          url: String(data.get("url")),
          secret: String(data.get("secret")),
          events: [...chosen].map((event) => {
            const [entity = "", action = ""] = event.split(".");
            return { entity, action };
          }),
        },
      }),
    onSuccess: () => {
      queries.invalidateQueries({ queryKey: KEY });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    saving.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog
      title={messages.add}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{messages.cancel}</Button>
          <Button kind="primary" type="submit" form={form} disabled={saving.isPending || !chosen.size}>
            {messages.save}
          </Button>
        </>
      }
    >
      <form id={form} className={styles.form} onSubmit={submit}>
        <TextField label={messages.name} name="name" required maxLength={250} />
        <TextField label={messages.url} name="url" type="url" required placeholder="https://" />
        <TextField label={messages.secret} name="secret" type="password" title={messages.secretHint} />
        <fieldset className={styles.events}>
          <legend>{messages.events}</legend>
          {EVENTS.map((event) => (
            <label key={event}>
              <input
                type="checkbox"
                checked={chosen.has(event)}
                onChange={() => {
                  const next = new Set(chosen);
                  if (!next.delete(event)) next.add(event);
                  setChosen(next);
                }}
              />
              <code>{event}</code>
            </label>
          ))}
        </fieldset>
        {saving.isError && <ErrorNotice error={saving.error} />}
      </form>
    </Dialog>
  );
}

function Log({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { data, isError, error } = useQuery({
    queryKey: [...KEY, "log", webhook.webhook_id],
    queryFn: ({ signal }) =>
      get("/api/assay/v1/webhooks/deliveries", { webhook_id: webhook.webhook_id }, signal),
    refetchInterval: 5_000,
  });
  return (
    <Dialog title={`${messages.log}: ${webhook.name}`} onClose={onClose} size="wide">
      {isError && <ErrorNotice error={error} />}
      {!data && !isError && <Skeleton height={80} />}
      {data?.deliveries.length === 0 && <p>{messages.noLog}</p>}
      {data && data.deliveries.length > 0 && (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{messages.time}</th>
              <th scope="col">{messages.events}</th>
              <th scope="col">{messages.status}</th>
              <th scope="col">{messages.attempts}</th>
            </tr>
          </thead>
          <tbody>
            {data.deliveries.map((one) => (
              <tr key={one.delivery_id}>
                <td>
                  <Time ms={one.created} />
                </td>
                <td>
                  <code>
                    {one.event.entity}.{one.event.action}
                  </code>
                </td>
                <td>
                  {one.status} {one.response_status} {one.error}
                </td>
                <td>{one.attempts}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Dialog>
  );
}

function RemoveDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const queries = useQueryClient();
  const removing = useMutation({
    mutationFn: () => post("/api/assay/v1/webhooks/delete", { webhook_id: webhook.webhook_id }),
    onSuccess: () => {
      toast({ text: messages.removed });
      queries.invalidateQueries({ queryKey: KEY });
      onClose();
    },
  });
  return (
    <Dialog
      title={messages.remove}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{messages.cancel}</Button>
          <Button kind="danger" onClick={() => removing.mutate()} disabled={removing.isPending}>
            {messages.remove}
          </Button>
        </>
      }
    >
      <p>{messages.confirmRemove(webhook.name)}</p>
      {removing.isError && <ErrorNotice error={removing.error} />}
    </Dialog>
  );
}

export function Webhooks() {
  const queries = useQueryClient();
  const [open, setOpen] = useState<{ kind: "new" } | { kind: "log" | "remove"; webhook: Webhook } | null>(
    null,
  );
  const { data, isError, error, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => get("/api/assay/v1/webhooks/page", undefined, signal),
  });
  const test = (webhook: Webhook) =>
    post("/api/assay/v1/webhooks/test", { webhook_id: webhook.webhook_id }).then(
      ({ success, response_status, error_message }) =>
        toast({
          text: messages.tested(success, String(response_status ?? error_message ?? "")),
          tone: success ? undefined : "bad",
        }),
      toastError,
    );
  const toggle = (webhook: Webhook) =>
    post("/api/assay/v1/webhooks/update", {
      webhook_id: webhook.webhook_id,
      change: { status: webhook.status === "ACTIVE" ? "DISABLED" : "ACTIVE" },
    }).then(() => queries.invalidateQueries({ queryKey: KEY }), toastError);
  if (isError) return <ErrorNotice error={error} retry={() => refetch()} />;
  if (!data) return <Skeleton height={60} />;
  return (
    <>
      {data.items.length === 0 ? (
        <p className={styles.quiet}>{messages.noWebhooks}</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{messages.name}</th>
              <th scope="col">{messages.url}</th>
              <th scope="col">{messages.events}</th>
              <th scope="col">{messages.status}</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {data.items.map((webhook) => (
              <tr key={webhook.webhook_id}>
                <th scope="row">
                  <bdi>{webhook.name}</bdi>
                </th>
                <td>
                  <code>{webhook.url}</code>
                </td>
                <td className={styles.chips}>
                  {webhook.events.map((event) => (
                    <Chip key={`${event.entity}.${event.action}`}>
                      {event.entity}.{event.action}
                    </Chip>
                  ))}
                </td>
                <td>{webhook.status === "ACTIVE" ? messages.active : messages.disabled}</td>
                <td>
                  <Menu
                    label={messages.actions(webhook.name)}
                    trigger={
                      <IconButton label={messages.actions(webhook.name)}>
                        <Ellipsis size={16} />
                      </IconButton>
                    }
                    entries={[
                      { label: messages.test, onSelect: () => test(webhook) },
                      { label: messages.log, onSelect: () => setOpen({ kind: "log", webhook }) },
                      {
                        label: webhook.status === "ACTIVE" ? messages.disable : messages.enable,
                        onSelect: () => toggle(webhook),
                      },
                      "separator",
                      {
                        label: messages.remove,
                        tone: "bad",
                        onSelect: () => setOpen({ kind: "remove", webhook }),
                      },
                    ]}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Button onClick={() => setOpen({ kind: "new" })}>
        <Plus size={14} aria-hidden="true" />
        {messages.add}
      </Button>
      {open?.kind === "new" && <NewWebhook onClose={() => setOpen(null)} />}
      {open?.kind === "log" && <Log webhook={open.webhook} onClose={() => setOpen(null)} />}
      {open?.kind === "remove" && <RemoveDialog webhook={open.webhook} onClose={() => setOpen(null)} />}
    </>
  );
}
