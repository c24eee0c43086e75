// Opens Human API's Connect in a dialog: see README.md. MIT OR Apache-2.0

/** @typedef {import("./connect.d.ts").Options} Options */

const LARGEST = 65536;
const EVENTS = new Map([
  ["connect-source", "connect"],
  ["disconnect-source", "disconnect"],
  ["close", "close"],
]);
const CALLBACKS = {
  connect: "onConnectSource",
  disconnect: "onDisconnectSource",
  close: "onClose",
  error: "onError",
};

export const events = new EventTarget();

/** @type {Options} */
const defaults = {};

/** @param {Options} options */
export const configure = (options) => void Object.assign(defaults, options);

const isLocal = (url) => /^(localhost|\[::1]|127(\.\d+){3})$/.test(url.hostname);

/** Https, or http on this machine where that is allowed. */
function safeUrl(text, allowLocal) {
  try {
    const url = new URL(text);
    const fits = url.protocol === "https:" || (allowLocal && url.protocol === "http:" && isLocal(url));
    return fits && !url.username && !url.password ? url : null;
  } catch {
    return null;
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const encode = (text) => new TextEncoder().encode(text);
const textOf = (value) => (typeof value === "string" ? value : null);

function source(item) {
  const name = textOf(item?.name);
  const id = textOf(item?.id);
  return name === null && id === null ? null : { name: name ?? "", id };
}

function provider(item) {
  if (!isObject(item)) return null;
  const { latitude, longitude } = item.location ?? {};
  return {
    address: textOf(item.address),
    healthSystem: textOf(item.healthSystem),
    location: [latitude, longitude].every(Number.isFinite) ? { latitude, longitude } : null,
    physician: textOf(item.physician),
    website: textOf(item.website),
  };
}

/** The first of these lists that is there, without what is none of its kind. */
const list = (fields, read, ...names) =>
  (names.map((name) => fields[name]).find(Array.isArray) ?? []).map(read).filter(Boolean);

/** A copy of a message's fields, or null. Never throws. */
function fieldsOf(data) {
  try {
    // As the page posts it, so that the server takes what is taken here.
    if (encode(JSON.stringify({ message: data, dismissed: false })).length > LARGEST) return null;
    const isText = typeof data === "string";
    const text = isText ? data : JSON.stringify(data);
    if (isText && !/^\s*\{/.test(text)) return { type: text.trim() };
    const fields = JSON.parse(text, (key, value) => {
      if (key === "__proto__") throw key;
      return value;
    });
    return isObject(fields) && typeof fields.type === "string" ? fields : null;
  } catch {
    return null;
  }
}

const eventOf = (fields) => fields?.type.replace(/^hapi-connect-/, "");

/** @returns {import("./connect.d.ts").Report | null} */
export function normalize(data) {
  const fields = fieldsOf(data);
  const event = EVENTS.get(eventOf(fields));
  if (!event) return null;
  const results = isObject(fields.sessionResults) ? fields.sessionResults : {};
  const names = [["connectedSources", "connected"], ["disconnectedSources", "disconnected"]];
  return {
    event,
    status: textOf(fields.status),
    tellsSources: names.flat().some((name) => Array.isArray(results[name])),
    connected: list(results, source, ...names[0]),
    disconnected: list(results, source, ...names[1]),
    requested: list(results, provider, "requestedSources", "requested"),
    currentConnections: list(fields, source, "currentConnections", "connections"),
    requestedProviders: list(fields, provider, "requestedProviders"),
    dismissed: false,
    message: typeof data === "string" ? data : fields,
  };
}

const isSet = (flag) => !!flag && flag !== "false";

/** The address that the vendor's widget opens. @param {Options} options */
export function frameUrl(options) {
  const url = safeUrl(options.baseURL || "https://hapi-connect.humanapi.co", true);
  const selects = options.mode === "select";
  const sources = encode(JSON.stringify(options.preseededSources ?? []));
  const parameters = {
    token: options.token,
    pisId: options.inviteSessionId,
    mode: options.mode,
    clientId: selects && options.clientId,
    preseededSources: selects && btoa(String.fromCharCode(...sources)),
    preseed: isSet(options.preseed) && "true",
    config: options.config,
    segment: options.segment,
    pinnedProviders: options.pinnedProviders,
  };
  for (const name in parameters) if (parameters[name]) url?.searchParams.set(name, parameters[name]);
  return url;
}

// For a constructed sheet: no content policy forbids those.
const CSS = `#human-api-container{color-scheme:light dark;box-sizing:border-box;margin:auto;
padding:env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left);
width:100%;height:100%;max-width:none;max-height:none;overflow:hidden;flex-direction:column;border:0;outline:1px solid #8886;
background:Canvas;color:CanvasText;font:16px/1.4 system-ui,sans-serif}
#human-api-container[open]{display:flex}
#human-api-container::backdrop{background:rgb(0 0 0/var(--hapi-overlay,.6))}
#human-api-container>div{display:flex;align-items:center;user-select:none;border-bottom:1px solid #8886}
#human-api-container h2{flex:1;margin:0 16px;font:inherit;font-weight:600}
#human-api-container button{all:unset;padding:12px 16px;cursor:pointer;text-decoration:underline}
#human-api-container button:focus-visible{outline:2px solid;outline-offset:-4px}
#human-api{flex:1;width:100%;border:0}
@media(min-width:830px) and (min-height:638px){#human-api-container{width:830px;height:638px;border-radius:12px}}
html:has(#human-api-container[open]){overflow:hidden}`;
let sheet;
let current = null;

/** @param {Options} [given] */
export function open(given) {
  const options = { ...defaults, ...given };
  if (current || document.getElementById("human-api")) return current;
  const opener = options.opener ?? document.activeElement;

  function emit(name, detail) {
    events.dispatchEvent(new CustomEvent(name, { detail }));
    // Under a prefix: a page would take a plain `error` for its own.
    const init = { detail, bubbles: true, composed: true };
    (opener?.isConnected ? opener : document).dispatchEvent(new CustomEvent("hapi:" + name, init));
    try {
      options[CALLBACKS[name]]?.(detail);
    } catch (error) {
      reportError(error);
    }
  }
  const fail = (code, message) => (emit("error", { code, message }), null);

  if (!options.token && (options.mode !== "select" || isSet(options.preseed))) {
    return fail("token-missing", "Connect needs a token");
  }
  const url = frameUrl(options);
  if (!url) return fail("base-url-refused", "baseURL is not https");

  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const label = options.label || "Connect your health data";
  const dialog = make("dialog", { id: "human-api-container" });
  dialog.setAttribute("aria-modal", "true");
  dialog.setAttribute("aria-label", label);
  if (options.overlayOpacity != null) dialog.style.setProperty("--hapi-overlay", options.overlayOpacity);
  const button = make("button", { type: "button", textContent: options.closeLabel || "Close" });
  // No header: that would be a second banner of the page.
  const top = make("div");
  top.append(make("h2", { textContent: label }), button);
  const frame = make("iframe", { id: "human-api", title: label, referrerPolicy: "no-referrer", src: url.href });
  dialog.append(top, frame);

  let last;
  function end(report) {
    if (current !== handle) return;
    current = null;
    removeEventListener("message", hear);
    dialog.close();
    dialog.remove();
    opener?.focus?.();
    emit("close", report);
  }
  function dismiss() {
    const seen = last ?? { ...normalize("close"), message: null };
    end({ ...seen, event: "close", status: null, tellsSources: false, dismissed: true });
  }
  function hear({ source, origin, data }) {
    if (!source || source !== frame.contentWindow || origin !== url.origin) return;
    const report = normalize(data);
    if (report?.event === "close") return end(report);
    if (report) return emit((last = report).event, report);
    const fields = fieldsOf(data);
    const event = eventOf(fields);
    if (event === "open-url" || event === "hapi-open-url") {
      const target = safeUrl(fields.url, isLocal(url));
      if (target) window.open(target.href, "_blank", "noopener,noreferrer");
      else fail("url-refused", "the address is not https");
    } else if (event === "error") {
      fail("connect-error", textOf(fields.message) ?? "Connect reported an error");
    }
  }
  const handle = (current = { close: dismiss });
  addEventListener("message", hear);
  button.onclick = dialog.onclose = dismiss;
  document.body.append(dialog);
  dialog.showModal();
  if (isSet(options.enableFocusTrap ?? true)) {
    const guard = (other) => make("span", { tabIndex: 0, onfocus: () => other.focus() });
    dialog.prepend(guard(frame));
    dialog.append(guard(button));
  }
  return handle;
}

function press(event) {
  const button = event.composedPath()[0].closest?.(".hapi__token-container [data-hapi-token]");
  if (!button || event.defaultPrevented || button.ariaDisabled === "true") return;
  if (event.type === "keydown") {
    const clicksByItself = button.matches("button,a[href],input,summary");
    if (clicksByItself || event.repeat || (event.key !== "Enter" && event.key !== " ")) return;
  }
  event.preventDefault();
  const said = (name) => button.getAttribute("data-hapi-" + name) ?? undefined;
  open({
    opener: button,
    token: said("token"),
    baseURL: defaults.baseURL ?? said("base-url"),
    mode: said("mode") ?? "auth",
    preseed: said("preseed"),
    segment: said("segment"),
    pinnedProviders: said("pinned-providers"),
    enableFocusTrap: said("focus-trap"),
    label: said("label") ?? defaults.label,
    closeLabel: said("close-label") ?? defaults.closeLabel,
  });
}

if (globalThis.document) for (const type of ["click", "keydown"]) document.addEventListener(type, press);
