/** The frame of every page: navigation, offline banner, palette, notices. */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Keyboard, Monitor, Moon, Search, Settings, Sun } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { ApiError, onReachable, send } from "@/api/client";
import { Button, IconButton } from "@/ui/Button";
import { Menu } from "@/ui/Menu";
import { messages as words } from "@/ui/messages";
import { ErrorNotice, Notice } from "@/ui/Notice";
import { Toasts } from "@/ui/Toasts";
import { messages } from "./messages";
import { type Preferences, setPreferences, usePreferences } from "./preferences";
import styles from "./Shell.module.css";
import { useWaitingRequests } from "./waiting";

const Palette = lazy(() => import("./Palette").then((m) => ({ default: m.Palette })));
const THEME_ICONS = { system: Monitor, light: Sun, dark: Moon };
const PING_MS = 3_000;

/** Whether the server answers. While it doesn't, it is asked again every few seconds. */
function useReachable(): boolean {
  const [reachable, setReachable] = useState(true);
  useEffect(() => onReachable(setReachable), []);
  useQuery({
    queryKey: ["reachable"],
    queryFn: () => send("/health").then(() => true),
    enabled: !reachable,
    refetchInterval: PING_MS,
    retry: false,
    gcTime: 0,
  });
  return reachable;
}

function LookMenu() {
  const preferences = usePreferences();
  const Icon = THEME_ICONS[preferences.theme];
  const choices = <K extends keyof Preferences>(key: K, labels: Record<Preferences[K], string>) =>
    (Object.keys(labels) as Preferences[K][]).map((value) => ({
      label: labels[value],
      checked: preferences[key] === value,
      onSelect: () => setPreferences({ [key]: value }),
    }));
  return (
    <Menu
      label={messages.view}
      trigger={
        <IconButton label={messages.view}>
          <Icon size={16} />
        </IconButton>
      }
      entries={[
        ...choices("theme", messages.themes),
        "separator",
        ...choices("zone", messages.zones),
        "separator",
        ...choices("density", messages.densities),
      ]}
    />
  );
}

export function Shell() {
  const [palette, setPalette] = useState(false);
  const navigate = useNavigate();
  const reachable = useReachable();
  const waiting = useWaitingRequests();
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette(true);
      } else if (event.key === "?" && !isTyping(event.target)) {
        navigate({ to: "/shortcuts" });
      }
    };
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, [navigate]);
  return (
    <>
      <a className={styles.skip} href="#main">
        {messages.skip}
      </a>
      <header className={styles.bar}>
        <Link to="/" className={styles.brand}>
          <Mark />
          Assay
        </Link>
        <nav className={styles.nav} aria-label={messages.nav}>
          <Link to="/">{messages.experiments}</Link>
          <Link to="/models">{messages.models}</Link>
          <Link to="/deployments">{messages.deployments}</Link>
          <Link to="/requests">
            {messages.requests}
            {waiting > 0 && (
              <span className={styles.badge} title={messages.waiting(waiting)}>
                {waiting}
              </span>
            )}
          </Link>
          <Link to="/queues">{messages.queues}</Link>
        </nav>
        <button
          type="button"
          className={styles.search}
          aria-label={messages.openPalette}
          onClick={() => setPalette(true)}
        >
          <Search size={14} aria-hidden="true" />
          <span>{messages.search}</span>
          <kbd>Ctrl K</kbd>
        </button>
        <span className={styles.side}>
          <LookMenu />
          <Link
            to="/shortcuts"
            className={styles.iconLink}
            aria-label={messages.shortcuts}
            title={messages.shortcuts}
          >
            <Keyboard size={16} />
          </Link>
          <Link
            to="/settings"
            className={styles.iconLink}
            aria-label={messages.settings}
            title={messages.settings}
          >
            <Settings size={16} />
          </Link>
        </span>
      </header>
      {!reachable && (
        <div className={styles.offline} role="status">
          {words.offline}
        </div>
      )}
      <main id="main" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
      {palette && (
        <Suspense>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
      <Toasts />
    </>
  );
}

/** The mark of `favicon.svg`: here it costs no request. */
function Mark() {
  return (
    <svg viewBox="0 0 32 32" width={22} height={22} aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0f5c4a" />
      <path
        d="M8 24 16 7l8 17M11.2 18h9.6"
        fill="none"
        stroke="#fff"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

/** Whether a key press belongs to a field that is being typed in. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

export function NotFound() {
  return (
    <Notice title={messages.notFound} tone="warn">
      <p>{messages.notFoundHint}</p>
      <Link to="/">{messages.home}</Link>
    </Notice>
  );
}

export function PageError({ error, reset }: { error: unknown; reset: () => void }) {
  if (error instanceof ApiError && error.status === 401) {
    return (
      <Notice title={messages.expired} tone="warn">
        <Button onClick={() => location.reload()}>{messages.reload}</Button>
      </Notice>
    );
  }
  return <ErrorNotice error={error} retry={reset} />;
}
