// Nothing of the page has run yet.
(() => {
  const seen = { messages: 0, errors: [], events: [] };
  Object.defineProperty(window, "seen", { value: seen });
  addEventListener("error", ({ message }) => seen.errors.push(String(message)));
  addEventListener("unhandledrejection", ({ reason }) => seen.errors.push("rejected: " + reason));
  addEventListener("message", () => { seen.messages += 1; });
  for (const name of ["connect", "disconnect", "close", "error"]) {
    addEventListener("hapi:" + name, ({ detail }) => seen.events.push({ name, detail }));
  }
})();
