/** What can be written about a model or a version: tags, aliases, a description. Each change can be undone. */
import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { May } from "@/app/May";
import { change } from "@/app/me";
import { Button, IconButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextField } from "@/ui/Field";
import { ErrorNotice, Notice } from "@/ui/Notice";
import { toast } from "@/ui/Toasts";
import { type Model, modelQuery, policyQuery, versionQuery, versionsQuery } from "./data";
import { messages } from "./messages";
import { MarkdownText, pairs, Section, TextArea, useChange, useOptimistic } from "./parts";
import styles from "./Registry.module.css";
import { rulesFor } from "./rules";

const REGISTERED = "/api/2.0/mlflow/registered-models";
const VERSIONS = "/api/2.0/mlflow/model-versions";
/** The text of long tags that is shown; all of it is in the title and the field. */
const TAG_SHOWN = 200;

type Thing = { name: string; version?: string };
type Tagged = { tags?: { key: string; value: string }[] };

const keyOf = ({ name, version }: Thing) =>
  version === undefined ? modelQuery(name).queryKey : versionQuery(name, version).queryKey;
const rootOf = ({ version }: Thing) => (version === undefined ? REGISTERED : VERSIONS);

function withTag(before: unknown, key: string, value: string | null): unknown {
  const rest = ((before as Tagged).tags ?? []).filter((tag) => tag.key !== key);
  return { ...(before as Tagged), tags: value === null ? rest : [...rest, { key, value }] };
}

function useTag(thing: Thing) {
  const send = ({ key, value }: { key: string; value: string | null }) =>
    value === null
      ? change("DELETE", `${rootOf(thing)}/delete-tag`, { ...thing, key })
      : change("POST", `${rootOf(thing)}/set-tag`, { ...thing, key, value });
  return useOptimistic(keyOf(thing), send, {
    shown: (before, input) => withTag(before, input.key, input.value),
  });
}

export function Tags({ thing, tags }: { thing: Thing; tags: Model["tags"] }) {
  const set = useTag(thing);
  const [editing, setEditing] = useState<{ key: string; value: string } | null>(null);
  const own = pairs(tags);
  const remove = (key: string, value: string) =>
    set.mutate(
      { key, value: null },
      {
        onSuccess: () =>
          toast({ text: messages.tagRemoved(key.slice(0, 60)), undo: () => set.mutate({ key, value }) }),
      },
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!editing?.key.trim()) return;
    set.mutate({ key: editing.key.trim(), value: editing.value });
    setEditing(null);
  };
  return (
    <Section
      title={messages.tags}
      action={
        !editing && (
          <May to="write">
            <IconButton label={messages.addTag} onClick={() => setEditing({ key: "", value: "" })}>
              <Plus size={15} />
            </IconButton>
          </May>
        )
      }
    >
      {own.length === 0 && !editing && <span className={styles.quiet}>{messages.noTags}</span>}
      <div className={styles.row}>
        {own.map(([key, value]) => (
          <span key={key} className={styles.tag} title={`${key}: ${value}`}>
            <span>
              <span className={styles.quiet}>
                <bdi>{key.slice(0, TAG_SHOWN)}</bdi>
              </span>{" "}
              <bdi>{value.slice(0, TAG_SHOWN)}</bdi>
            </span>
            <May to="write">
              <IconButton
                label={messages.editTag(key.slice(0, 60))}
                onClick={() => setEditing({ key, value })}
              >
                <Pencil size={12} />
              </IconButton>
              <IconButton label={messages.removeTag(key.slice(0, 60))} onClick={() => remove(key, value)}>
                <X size={13} />
              </IconButton>
            </May>
          </span>
        ))}
      </div>
      {editing && (
        <form className={styles.bar} onSubmit={submit}>
          <TextField
            label={messages.tagKey}
            value={editing.key}
            required
            maxLength={250}
            onChange={(event) => setEditing({ ...editing, key: event.target.value })}
          />
          <TextField
            label={messages.tagValue}
            value={editing.value}
            onChange={(event) => setEditing({ ...editing, value: event.target.value })}
          />
          <Button type="submit" kind="primary" disabled={!editing.key.trim()}>
            {messages.save}
          </Button>
          <Button onClick={() => setEditing(null)}>{messages.cancel}</Button>
        </form>
      )}
    </Section>
  );
}

export function Description({ thing, text }: { thing: Thing; text: string }) {
  const [draft, setDraft] = useState<string | null>(null);
  const send = (description: string) => change("PATCH", `${rootOf(thing)}/update`, { ...thing, description });
  const save = useOptimistic(keyOf(thing), send, {
    shown: (before, description) => ({ ...(before as object), description }),
    said: () => messages.descriptionSaved,
    undo: () => () => save.mutate(text),
  });
  return (
    <Section
      title={messages.description}
      action={
        draft === null && (
          <May to="write">
            <IconButton label={messages.editDescription} onClick={() => setDraft(text)}>
              <Pencil size={14} />
            </IconButton>
          </May>
        )
      }
    >
      {draft === null ? (
        text ? (
          <MarkdownText text={text} />
        ) : (
          <span className={styles.quiet}>{messages.noDescription}</span>
        )
      ) : (
        <div className={styles.stack}>
          <TextArea
            label={messages.markdown}
            value={draft}
            rows={8}
            onChange={(event) => setDraft(event.target.value)}
          />
          {draft.trim() && (
            <div className={styles.pre}>
              <MarkdownText text={draft} />
            </div>
          )}
          <div className={styles.row}>
            <Button
              kind="primary"
              onClick={() => {
                save.mutate(draft);
                setDraft(null);
              }}
            >
              {messages.save}
            </Button>
            <Button onClick={() => setDraft(null)}>{messages.cancel}</Button>
          </div>
        </div>
      )}
    </Section>
  );
}

/** Lets an alias stand for a version; of a governed alias it asks. */
export function AliasDialog({
  name,
  alias: first = "",
  version: chosen = "",
  onClose,
}: {
  name: string;
  alias?: string;
  version?: string;
  onClose: () => void;
}) {
  const versions = useQuery(versionsQuery(name));
  const policy = useQuery(policyQuery(name));
  const [alias, setAlias] = useState(first);
  const [version, setVersion] = useState(chosen);
  const [reason, setReason] = useState("");
  const governed = rulesFor(policy.data?.rules, `@${alias.trim()}`) !== null;
  const set = useChange(
    () =>
      governed
        ? change("POST", "/api/assay/v1/registry/requests/create", {
            name,
            version: Number(version),
            target: `@${alias.trim()}`,
            reason: reason.trim(),
          })
        : change("POST", `${REGISTERED}/alias`, {
            name,
            alias: alias.trim(),
            version,
            reason: reason.trim(),
          }),
    {
      quiet: true,
      done: () => {
        toast({ text: governed ? messages.aliasAsked(alias, version) : messages.aliasSet(alias, version) });
        onClose();
      },
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (alias.trim() && version) set.mutate(undefined);
  };
  return (
    <Dialog title={messages.setAlias} onClose={onClose}>
      <form className={styles.stack} onSubmit={submit}>
        <TextField
          label={messages.alias}
          placeholder="champion"
          value={alias}
          required
          maxLength={255}
          onChange={(event) => setAlias(event.target.value.replace(/^@/, ""))}
        />
        <SelectField
          label={messages.version}
          value={version}
          required
          onChange={(event) => setVersion(event.target.value)}
        >
          <option value="">{messages.choose}</option>
          {(versions.data ?? []).map((one) => (
            <option key={one.version} value={one.version}>
              {messages.versionOf(one.version)}
            </option>
          ))}
        </SelectField>
        {governed && <Notice title={messages.governed(`@${alias}`)} tone="warn" />}
        <TextField
          label={messages.reason}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        {set.error !== null && <ErrorNotice error={set.error} />}
        <div className={styles.row}>
          <Button type="submit" kind="primary" disabled={!alias.trim() || !version || set.isPending}>
            {governed ? messages.request : messages.save}
          </Button>
          <Button onClick={onClose}>{messages.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** All aliases of a model, or those of one version. */
export function Aliases({
  name,
  aliases,
  version,
}: {
  name: string;
  aliases: { alias: string; version: string }[];
  version?: string;
}) {
  const [editing, setEditing] = useState<{ alias?: string } | null>(null);
  const put = useChange((input: { alias: string; version: string }) =>
    change("POST", `${REGISTERED}/alias`, { name, ...input }),
  );
  const remove = useChange(
    ({ alias }: { alias: string; version: string }) =>
      change("DELETE", `${REGISTERED}/alias`, { name, alias }),
    {
      done: (_result, input) =>
        toast({ text: messages.aliasRemoved(input.alias), undo: () => put.mutate(input) }),
    },
  );
  return (
    <Section
      title={messages.aliases}
      action={
        <May to="write">
          <IconButton label={messages.setAlias} onClick={() => setEditing({})}>
            <Plus size={15} />
          </IconButton>
        </May>
      }
    >
      {aliases.length === 0 && <span className={styles.quiet}>{messages.noAliases}</span>}
      <div className={styles.row}>
        {aliases.map((one) => (
          <span key={one.alias} className={styles.tag}>
            <span>
              <bdi>@{one.alias}</bdi>
              {version === undefined && ` → ${messages.short(one.version)}`}
            </span>
            <May to="write">
              <IconButton
                label={messages.editAlias(one.alias)}
                onClick={() => setEditing({ alias: one.alias })}
              >
                <Pencil size={12} />
              </IconButton>
              <IconButton label={messages.removeAlias(one.alias)} onClick={() => remove.mutate(one)}>
                <X size={13} />
              </IconButton>
            </May>
          </span>
        ))}
      </div>
      {editing && <AliasDialog name={name} version={version} {...editing} onClose={() => setEditing(null)} />}
    </Section>
  );
}
