/** How Connect is opened: by the names of the vendor's `HumanConnect.open`, and a few of our own. */
export interface Options {
  /** A session or id token. Only mode `select` without `preseed` does without. */
  token?: string;
  /** Connect's address: https, or http on this machine. Without it, the vendor's. */
  baseURL?: string;
  mode?: "auth" | "select";
  preseed?: boolean | string;
  /** With mode `select`. */
  clientId?: string;
  /** With mode `select`. */
  preseededSources?: readonly unknown[];
  segment?: string;
  pinnedProviders?: string;
  config?: string;
  inviteSessionId?: string;
  /** How much the page behind is darkened, from 0 to 1. Without it, 0.6. */
  overlayOpacity?: string | number;
  /** Whether tabbing out at one end comes in at the other. Without it, true. */
  enableFocusTrap?: boolean | string;
  /** What the dialog and its frame are called. Without it, "Connect your health data". */
  label?: string;
  /** What the dialog's own button says. Without it, "Close". */
  closeLabel?: string;
  /** Gets the events, and the focus back. Without it, the element that has the focus. */
  opener?: Element;
  onConnectSource?: (report: Report) => void;
  onDisconnectSource?: (report: Report) => void;
  onClose?: (report: Report) => void;
  onError?: (problem: Problem) => void;
}

/**
 * What Connect reported, in one form for all its versions.
 *
 * It is a hint: the user's browser can say anything. Let your server ask the service.
 */
export interface Report {
  event: "connect" | "disconnect" | "close";
  /** As Connect sent it, such as `SUCCESS` or `SESSION_TOKEN_EXPIRED`. */
  status: string | null;
  /** Whether it said what was connected or disconnected in this sitting, if only that nothing was. */
  tellsSources: boolean;
  /** Connected in this sitting. */
  connected: Source[];
  /** Disconnected in this sitting. */
  disconnected: Source[];
  /** Asked for in this sitting. */
  requested: Provider[];
  /** All connected now. */
  currentConnections: Source[];
  /** All asked for so far. */
  requestedProviders: Provider[];
  /** Closed by the dialog's button or Escape, and not by Connect. All else is then of the last message. */
  dismissed: boolean;
  /** The message as it came, object or text, or null if there was none. Post it with `dismissed`, and nothing is lost. */
  message: unknown;
}

export interface Source {
  name: string;
  id: string | null;
}

export interface Provider {
  address: string | null;
  healthSystem: string | null;
  location: { latitude: number; longitude: number } | null;
  physician: string | null;
  website: string | null;
}

export interface Problem {
  code: "token-missing" | "base-url-refused" | "url-refused" | "connect-error";
  /** In English, for logs. */
  message: string;
}

/** Opens Connect. While it is open, another call does nothing and gives the dialog that is open. */
export function open(options?: Options): { close(): void } | null;

/** Options for every dialog. A `baseURL` given here outdoes that of a button. */
export function configure(options: Options): void;

/** Gets `connect`, `disconnect`, `close` and `error` as `CustomEvent`s, of every dialog. */
export const events: EventTarget;

/** A message of Connect in the normal form, or null. Never throws. */
export function normalize(data: unknown): Report | null;

/** The address that the vendor's widget would open, or null if the base is refused. */
export function frameUrl(options: Options): URL | null;
