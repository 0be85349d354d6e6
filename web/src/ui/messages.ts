/** Words of the shared controls. */
export const messages = {
  close: "Close",
  cancel: "Cancel",
  copy: "Copy",
  copied: "Copied",
  dismiss: "Dismiss",
  undo: "Undo",
  retry: "Try again",
  requestId: (id: string) => `Request ${id}`,
  failed: "This did not work",
  offline: "The server does not answer. What you see may be old; trying again…",
  ago: (text: string) => `${text} ago`,
  now: "just now",
  running: "running",
  missing: "none",
  statuses: {
    RUNNING: "Running",
    SCHEDULED: "Scheduled",
    FINISHED: "Finished",
    FAILED: "Failed",
    KILLED: "Killed",
  } as Record<string, string>,
} as const;
