/** What a server without runs shows: a script to copy, which the page waits for; and a sample to look around in. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ROOT } from "@/api/client";
import { Button } from "@/ui/Button";
import { Snippet } from "@/ui/Copy";
import { ErrorNotice, Notice } from "@/ui/Notice";
import { toast } from "@/ui/Toasts";
import styles from "./HomePage.module.css";
import { messages } from "./messages";
import { addSample } from "./sample";

/** A script that records a run on the server of this page. */
export function firstScript(): string {
  const url = ROOT.toString().replace(/\/$/, "");
  return `import assay

assay.set_tracking_uri("${url}")
with assay.start_run():
    assay.log_param("learning_rate", 0.01)
    for step in range(100):
        assay.log_metric("loss", 1 / (step + 1), step=step)
`;
}

export function FirstRun() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const sample = useMutation({
    mutationFn: addSample,
    onSuccess: (experimentId) => {
      queries.invalidateQueries({ queryKey: ["experiments"] });
      toast({ text: messages.sampleAdded });
      navigate({ to: "/experiments/$ids", params: { ids: experimentId }, search: {} });
    },
  });
  return (
    <Notice title={messages.first}>
      <div>{messages.firstText}</div>
      <Snippet code={firstScript()} />
      <span className={styles.listening} role="status">
        <span className={styles.pulse} aria-hidden="true" />
        {messages.listening}
      </span>
      <div className={styles.quiet}>{messages.mlflow}</div>
      <div>
        <Button onClick={() => sample.mutate()} disabled={sample.isPending}>
          {messages.sample}
        </Button>{" "}
        <span className={styles.quiet}>{messages.sampleText}</span>
      </div>
      {sample.isError && <ErrorNotice error={sample.error} />}
    </Notice>
  );
}
