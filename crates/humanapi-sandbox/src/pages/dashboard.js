// @ts-check
"use strict";
(() => {
  /** @param {string} id */
  const byId = (id) => document.getElementById(id);
  const fault = /** @type {HTMLFormElement} */ (byId("fault"));
  const token = /** @type {HTMLInputElement | null} */ (byId("control-token"));

  /** @returns {Record<string, string>} */
  const headers = () => (token?.value ? { "X-Sandbox-Token": token.value } : {});

  let saidAt = 0;
  /** @param {string} text */
  function say(text) {
    const news = /** @type {HTMLElement} */ (byId("news"));
    news.textContent = text;
    const at = ++saidAt;
    setTimeout(() => at === saidAt && (news.textContent = ""), 6000);
  }

  /**
   * @param {string} text
   * @param {string} [state]
   */
  function status(text, state) {
    const live = /** @type {HTMLElement} */ (byId("live"));
    // Setting it anew would have it read out anew.
    if (live.textContent !== text) {
      live.textContent = text;
      live.className = "live " + (state ?? "");
    }
  }

  /* What is shown. */

  let looking = false;
  let again = false;

  /** Loads the page anew behind the scenes and exchanges what has changed. */
  async function refresh() {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    try {
      const answer = await fetch("/sandbox/dashboard", { headers: headers(), cache: "no-store" });
      if (answer.ok) {
        put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      }
    } catch {
      // The stream says whether the sandbox is there.
    } finally {
      looking = false;
    }
    if (again) {
      again = false;
      await refresh();
    }
  }

  /** @param {Document} page */
  function put(page) {
    for (const old of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(old.id);
      if (old instanceof HTMLSelectElement && fresh instanceof HTMLSelectElement
        && old.dataset.assumption) {
        // It shows what is in force, in focus or not. Nodes say nothing of that: choosing changes the
        // value and leaves the markup as it was. What is on its way to the sandbox is waited for.
        if (!old.dataset.sending && old.value !== fresh.value) {
          old.value = fresh.value;
        }
        continue;
      }
      if (!fresh || old.isEqualNode(fresh) || old.contains(document.activeElement)) {
        continue;
      }
      if (old instanceof HTMLSelectElement && fresh instanceof HTMLSelectElement) {
        // A choice stays with whoever made it.
        const chosen = old.value;
        old.replaceChildren(...fresh.childNodes);
        if ([...old.options].some((one) => one.value === chosen)) {
          old.value = chosen;
        }
      } else {
        old.replaceWith(fresh);
      }
    }
  }

  /* The stream of changes. A fetch and not an EventSource, which could not send the token. */

  /** @type {AbortController | null} */
  let stream = null;
  let wait = 0;

  async function watch() {
    const own = new AbortController();
    stream?.abort();
    stream = own;
    while (!own.signal.aborted) {
      try {
        await follow(own.signal);
      } catch {
        // Lost, or never had: either way it is tried again.
      }
      if (own.signal.aborted) {
        return;
      }
      wait = Math.min(wait + 1000, 5000);
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  /** @param {AbortSignal} signal */
  async function follow(signal) {
    const answer = await fetch("/sandbox/events", { headers: headers(), signal, cache: "no-store" });
    if (answer.status === 403 && token) {
      status("Not live: the control token is needed.", "off");
      return;
    }
    if (!answer.ok || !answer.body) {
      status("Not live: the sandbox answers with status " + answer.status + ".", "off");
      return;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: "" }));
      if (done) {
        break;
      }
      const events = (rest + value).split("\n\n");
      rest = events.pop() ?? "";
      if (events.some((event) => /^event: (change|tick)$/m.test(event))) {
        wait = 0;
        status("Live", "on");
        await refresh();
      }
    }
    if (!signal.aborted) {
      status("Not live: the sandbox has stopped, or cannot be reached.", "off");
    }
  }

  /* The controls. */

  /**
   * @param {string} path
   * @param {string} method
   * @param {object} [body]
   */
  async function call(path, method, body) {
    try {
      const answer = await fetch(path, {
        method,
        headers: { "Content-Type": "application/json", ...headers() },
        body: body && JSON.stringify(body),
      });
      if (answer.ok) {
        return true;
      }
      const problem = await answer.json().catch(() => ({}));
      say("Not done: " + (problem.message ?? "status " + answer.status) + ".");
    } catch {
      say("Not done: the sandbox cannot be reached.");
    }
    return false;
  }

  /**
   * The fields of a form as JSON: what is empty is left out, numbers are numbers.
   * @param {HTMLFormElement} form
   * @param {HTMLElement | null} submitter
   */
  function fieldsOf(form, submitter) {
    /** @type {Record<string, unknown>} */
    const fields = {};
    for (const [name, value] of new FormData(form, submitter)) {
      const field = form.elements.namedItem(name);
      const isNumber = field instanceof HTMLInputElement && field.type === "number";
      if (value !== "") {
        fields[name] = name === "takes_effect" || (isNumber || name === "seconds" ? Number(value) : value);
      }
    }
    if (form.id === "advance") {
      return { seconds: Number(fields.amount) * Number(fields.unit) };
    }
    if (form.id === "user-form") {
      const user = JSON.parse(String(fields.user ?? "{}"));
      const deletes = submitter?.dataset.path?.endsWith("/delete");
      return deletes ? user : { ...user, source: fields.source };
    }
    if (form.id === "order-form") {
      return JSON.parse(String(fields.user ?? "{}"));
    }
    return fields;
  }

  document.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.id === "control") {
      void watch();
      return;
    }
    const button = event.submitter;
    const path = button?.dataset.path ?? form.dataset.path ?? "";
    const method = button?.dataset.method ?? form.dataset.method ?? "POST";
    const done = await call(path, method, method === "POST" ? fieldsOf(form, button) : undefined);
    if (done) {
      say("Done: " + (button?.textContent ?? "").toLowerCase() + ".");
      await refresh();
    }
  });

  document.addEventListener("change", async (event) => {
    const select = event.target;
    if (!(select instanceof HTMLSelectElement)) {
      return;
    }
    if (select.form === fault) {
      fit();
    } else if (select.dataset.assumption) {
      const name = select.dataset.assumption;
      const value = select.value;
      select.dataset.sending = "yes";
      if (await call("/sandbox/assumptions", "POST", { name, value })) {
        say(name + " is now " + value + ".");
      }
      delete select.dataset.sending;
      await refresh();
    }
  });

  /** Shows only the fields that mean something for the kind of fault chosen. */
  function fit() {
    const kind = /** @type {HTMLSelectElement} */ (fault.elements.namedItem("kind")).value;
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (fault.querySelectorAll("[data-for]"))) {
      part.hidden = !part.dataset.for?.split(" ").includes(kind);
      for (const input of /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */ (part.querySelectorAll("input, select"))) {
        input.disabled = part.hidden;
      }
    }
  }

  // What was in focus is left alone meanwhile, and brought up to date when it is left.
  document.addEventListener("focusout", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-live]")) {
      setTimeout(() => void refresh(), 0);
    }
  });
  // A page that nobody sees needs no connection, of which a browser has few for one host.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.abort();
    } else {
      void watch();
    }
  });

  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-needs-script]"))) {
    part.hidden = false;
  }
  fit();
  void watch();
})();
