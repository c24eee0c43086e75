// @ts-check
"use strict";
(() => {
  /** @typedef {{ name: string, id: string }} Named */
  /** @typedef {{ type: string, status: string, currentConnections: Named[] }} Message */

  /** @param {string} id */
  const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const main = () => /** @type {HTMLElement} */ (document.querySelector("main"));

  // The answer to the last form of a hosted link leads back to the app.
  const hosted = document.querySelector("#leave input[name=callback]") !== null;
  const alone = window.parent === window;
  // Other tabs of the same person, which may show a list that is no longer true.
  const others = "BroadcastChannel" in window ? new BroadcastChannel("connect") : null;

  let busy = false;
  let category = "all";
  let wanted = "";

  /** @param {string} text */
  function say(text) {
    byId("news").textContent = text;
  }

  /**
   * Tells the page around this one, in the form that is switched on, and a phone's web view, which hears texts alone.
   * @param {Message} message
   */
  function tell(message) {
    const forms = { "json-text": () => JSON.stringify(message), "event-name": () => message.type };
    const form = /** @type {keyof typeof forms} */ (main().dataset.messages);
    window.parent.postMessage(forms[form]?.() ?? message, "*");
    const view = /** @type {any} */ (window).ReactNativeWebView;
    if (view) {
      view.postMessage(JSON.stringify(message));
    }
  }

  /**
   * The address of a screen, or of the directory.
   * @param {string} [show]
   */
  function address(show) {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(leave())) {
      query.append(name, String(value));
    }
    if (show) {
      query.append("show", show);
    }
    return (hosted ? "/connect?" : "/?") + query;
  }

  const leave = () => /** @type {HTMLFormElement} */ (byId("leave"));

  /** @param {string} url */
  async function load(url) {
    const answer = await fetch(url, { headers: { Accept: "text/html" }, cache: "no-store" });
    // 401 is a page too: it says why the sitting is over.
    if (answer.status !== 200 && answer.status !== 401) {
      throw new Error("status " + answer.status);
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // A planned fault can make it anything.
    if (!page.querySelector("main[data-screen]")) {
      throw new Error("no screen");
    }
    return page;
  }

  /**
   * @param {string} url
   * @param {boolean} [back] whether the browser's way back is to lead here
   */
  async function turnTo(url, back) {
    const page = await load(url);
    for (const part of ["main", "#count", "#leave"]) {
      const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
      if (old && fresh) {
        old.replaceWith(fresh);
      }
    }
    document.title = page.title;
    // In a frame it would be the surrounding page's way back.
    if (back && alone) {
      history.pushState(null, "", url);
    }
    wake();
    const heading = document.querySelector("h1");
    window.scrollTo(0, 0);
    heading?.focus({ preventScroll: true });
  }

  /** Brings a list up to date that somebody may be in the middle of. */
  async function refresh() {
    if (busy || main().dataset.screen !== "directory") {
      return;
    }
    const page = await load(address());
    if (busy || main().dataset.screen !== "directory") {
      return;
    }
    if (page.querySelector("main")?.dataset.screen !== "directory") {
      await turnTo(address());
      say("Your session has ended.");
      return;
    }
    const before = byId("count").textContent;
    for (const id of ["connections", "sources", "count"]) {
      const [old, fresh] = [byId(id), page.getElementById(id)];
      if (!fresh || old.isEqualNode(fresh)) {
        continue;
      }
      const active = document.activeElement;
      const key = active instanceof HTMLElement && old.contains(active) && active.dataset.key;
      old.replaceWith(fresh);
      if (key) {
        const again = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
        (/** @type {HTMLElement} */ (again ?? byId("connected"))).focus();
      }
    }
    filter();
    if (before !== byId("count").textContent) {
      say("Your connections have changed.");
    }
  }

  /** @param {HTMLFormElement} form */
  async function post(form) {
    const fields = Object.fromEntries(new FormData(form));
    // Not `form.action`: a field of that name would stand in for it.
    return fetch(String(form.getAttribute("action")), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
    });
  }

  /**
   * @param {HTMLFormElement} form
   * @param {string} text
   */
  function complain(form, text) {
    byId("problem").textContent = text;
    const wrong = /** @type {NodeListOf<HTMLInputElement>} */ (
      form.querySelectorAll("input[aria-describedby~=problem]"));
    for (const input of wrong) {
      input.setAttribute("aria-invalid", "true");
      // A password that cannot be seen cannot be put right, only typed again.
      if (input.type === "password") {
        input.value = "";
      }
    }
    const next = [...wrong].find((input) => input.value === "") ?? wrong[0];
    next?.focus();
    next?.select();
  }

  /** @param {Message} message */
  function end(message) {
    tell(message);
    // Whoever listens takes the page away; nobody does when it is a page of its own.
    const heading = document.createElement("h1");
    heading.tabIndex = -1;
    heading.textContent = "You are done here";
    const text = document.createElement("p");
    text.textContent = "You can close this page now.";
    main().replaceChildren(heading, text);
    main().dataset.screen = "ended";
    byId("count").textContent = "";
    leave().hidden = true;
    heading.focus();
  }

  /** @param {HTMLFormElement} form */
  async function act(form) {
    say("");
    if (form.method === "get") {
      const show = new FormData(form).get("show");
      await turnTo(address(show ? String(show) : undefined), true);
      return;
    }
    const leaves = form.id === "leave";
    if (leaves && main().dataset.ending) {
      end(JSON.parse(String(main().dataset.ending)));
      return;
    }
    const answer = await post(form);
    const status = answer.status;
    if (![200, 202, 401, 409, 422].includes(status)) {
      throw new Error("status " + status);
    }
    const told = await answer.json();
    if (leaves) {
      end(told);
    } else if (status === 401) {
      await turnTo(address());
      say("Your session has ended. Choose Close to go back.");
    } else if (status === 202) {
      await turnTo(address(form.dataset.source));
    } else if (status === 409) {
      await turnTo(address(form.dataset.source));
      say(told.message);
    } else if (status === 422) {
      complain(form, told.message);
    } else {
      await show(form, told);
    }
  }

  /**
   * Shows what a form has brought about.
   * @param {HTMLFormElement} form
   * @param {Message} message
   */
  async function show(form, message) {
    const id = String(form.getAttribute("action")).split("/")[3];
    const name = form.querySelector(".unseen")?.textContent?.trim()
      ?? message.currentConnections.find((one) => one.id === id)?.name
      ?? "The source";
    if (message.type === "hapi-connect-close") {
      await turnTo(address(), true);
      say("Your request was noted.");
      return;
    }
    tell(message);
    others?.postMessage("changed");
    const off = message.type === "hapi-connect-disconnect-source";
    await turnTo(address(), !off);
    if (off) {
      byId("connected").focus();
    }
    say(name + (off ? " is disconnected." : " is connected."));
  }

  /** Hides what neither the tab nor the search asks for. */
  function filter() {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const item of byId("sources").querySelectorAll("li")) {
      const name = (item.dataset.name ?? "").toLowerCase();
      const fits = (category === "all" || item.dataset.category === category)
        && words.every((word) => name.includes(word));
      item.hidden = !fits;
      found += fits ? 1 : 0;
    }
    byId("none").hidden = found > 0;
    byId("found").textContent = found === 1 ? "1 provider" : found + " providers";
  }

  /** @param {HTMLElement} chosen */
  function choose(chosen) {
    category = String(chosen.dataset.category);
    for (const tab of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[role=tab]"))) {
      const is = tab.dataset.category === category;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
    }
    byId("panel").setAttribute("aria-labelledby", "tab-" + category);
    filter();
  }

  /** Gives a screen that has just come what only a script can do for it. */
  function wake() {
    const find = /** @type {HTMLElement | null} */ (document.querySelector(".find"));
    if (!find) {
      return;
    }
    find.hidden = false;
    byId("panel").setAttribute("role", "tabpanel");
    const search = /** @type {HTMLInputElement} */ (byId("search"));
    search.value = wanted;
    search.addEventListener("input", () => {
      wanted = search.value;
      filter();
    });
    const tabs = /** @type {HTMLElement[]} */ ([...find.querySelectorAll("[role=tab]")]);
    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", (event) => {
        const last = tabs.length - 1;
        const next = {
          ArrowRight: at === last ? 0 : at + 1,
          ArrowLeft: at === 0 ? last : at - 1,
          Home: 0,
          End: last,
        }[event.key];
        if (next !== undefined) {
          event.preventDefault();
          choose(tabs[next]);
          tabs[next].focus();
        }
      });
    });
    choose(tabs.find((tab) => tab.dataset.category === category) ?? tabs[0]);
  }

  document.addEventListener("submit", async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.id === "leave" && hosted) {
      return;
    }
    event.preventDefault();
    if (busy) {
      return;
    }
    busy = true;
    main().setAttribute("aria-busy", "true");
    try {
      await act(form);
    } catch {
      say("The sandbox did not answer. Please try again.");
    } finally {
      busy = false;
      main().removeAttribute("aria-busy");
    }
  });

  // The second click of a double click would press what has come under the pointer meanwhile.
  document.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target instanceof Element && event.target.closest("button")) {
      event.preventDefault();
    }
  }, true);

  const look = () => void refresh().catch(() => {});
  window.addEventListener("focus", look);
  window.addEventListener("pageshow", (event) => event.persisted && look());
  document.addEventListener("visibilitychange", () => document.hidden || look());
  others?.addEventListener("message", look);
  window.addEventListener("popstate", () => void turnTo(location.href).catch(() => {}));

  wake();
})();
