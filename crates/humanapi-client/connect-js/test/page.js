// As much of a page as connect.js touches.

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], attributes: {}, listeners: {}, isConnected: true });
    this.style = { setProperty() {} };
    if (tag === "iframe") this.contentWindow = { of: this };
  }
  setAttribute(name, value) { this.attributes[name] = value; }
  getAttribute(name) { return this.attributes[name] ?? null; }
  append(...more) { this.children.push(...more); }
  prepend(...more) { this.children.unshift(...more); }
  remove() { page.body.children = page.body.children.filter((child) => child !== this); }
  showModal() { this.open = true; }
  close() { this.open = false; }
  focus() { document.activeElement = this; }
  matches() { return this.tag === "button"; }
  closest() { return this.contained && "data-hapi-token" in this.attributes ? this : null; }
  dispatchEvent(event) { page.onEvent?.(this, event); }
  all() { return [this, ...this.children.flatMap((child) => child.all())]; }
}

const listeners = { document: {}, window: {} };
const listen = (of) => (type, listener) => (listeners[of][type] ??= new Set()).add(listener);

globalThis.document = Object.assign(new Element("document"), {
  adoptedStyleSheets: [],
  addEventListener: listen("document"),
  createElement: (tag) => new Element(tag),
  getElementById: (id) => (page.vendorIsOpen ? {} : page.body.all().find((one) => one.id === id) ?? null),
});
globalThis.addEventListener = listen("window");
globalThis.removeEventListener = (type, listener) => listeners.window[type].delete(listener);
globalThis.CSSStyleSheet = class { replaceSync() {} };
globalThis.window = { open: (...given) => void page.windows.push(given) };
globalThis.reportError = (error) => void page.errors.push(error);

export const page = {
  reset() {
    show()?.button.onclick();
    Object.assign(this, { body: new Element("body"), windows: [], errors: [], vendorIsOpen: false, onEvent: null });
    document.body = document.activeElement = this.body;
  },
  body: null,
  frames: () => page.body.all().filter((one) => one.tag === "iframe"),
  focused: () => document.activeElement,
  /** A button with these `data-hapi-*` attributes. */
  button(data, { tag = "button", contained = true, ariaDisabled } = {}) {
    const button = Object.assign(new Element(tag), { contained, ariaDisabled });
    for (const [name, value] of Object.entries(data)) button.setAttribute(`data-hapi-${name}`, value);
    return button;
  },
  /** A message, as a window gets it. */
  post: (message) => listeners.window.message?.forEach((listener) => listener(message)),
  /** A message from the open frame. */
  say(data) {
    const source = page.frames()[0].contentWindow;
    page.post({ source, origin: new URL(page.frames()[0].src).origin, data });
  },
};

export const show = () => {
  const all = page.body?.all() ?? [];
  return all.some((one) => one.tag === "dialog") ? { button: all.find((one) => one.tag === "button") } : null;
};

/** A press on an element, by a click unless told otherwise. */
export function press(element, { type = "click", ...rest } = {}) {
  const event = {
    type,
    defaultPrevented: false,
    preventDefault() { this.defaultPrevented = true; },
    composedPath: () => [element],
    ...rest,
  };
  listeners.document[type].forEach((listener) => listener(event));
  return event;
}
