"use strict";
(() => {
  const main = document.querySelector("main");
  const news = document.getElementById("news");
  const hosted = document.querySelector("input[name=callback]") !== null;

  // The page around this one, and a phone's web view, each in the form that they listen for.
  function tell(message) {
    window.parent.postMessage(message, "*");
    if (window.ReactNativeWebView) {
      window.ReactNativeWebView.postMessage(JSON.stringify(message));
    }
  }

  async function post(form) {
    const fields = Object.fromEntries(new FormData(form));
    // Not `form.action`: a field of that name would stand in for it.
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
    });
    if (answer.status !== 200 && answer.status !== 401) {
      throw new Error("status " + answer.status);
    }
    return { refused: answer.status === 401, message: await answer.json() };
  }

  function show(form, message) {
    const item = form.closest("li");
    const name = form.dataset.source;
    const connected = message.currentConnections.some((one) => one.name === name);
    item.toggleAttribute("data-connected", connected);
    item.querySelector(".state").textContent = connected ? "Connected" : "Not connected";
    form.elements.action.value = connected ? "disconnect" : "connect";
    form.querySelector("button span").textContent = connected ? "Disconnect" : "Connect";
    const count = message.currentConnections.length;
    document.getElementById("count").textContent =
      count === 0 ? "Nothing connected yet"
      : count === 1 ? "1 source connected"
      : count + " sources connected";
    news.textContent = name + (connected ? " is connected." : " is disconnected.");
  }

  function showRequested(form, message) {
    const count = message.requestedProviders.length;
    document.getElementById("requested").textContent = "Asked for so far: " + count;
    news.textContent = "Your request was noted.";
    form.reset();
  }

  function end(message) {
    tell(message);
    // Whoever listens takes the page away; nobody does when it is a page of its own.
    news.textContent = "You can close this page now.";
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const isDone = "done" in form.dataset;
    if (isDone && hosted) {
      return; // The answer leads back to the app.
    }
    event.preventDefault();
    if (isDone && main.dataset.ending) {
      end(JSON.parse(main.dataset.ending));
      return;
    }
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled") === "true") {
      return;
    }
    button.setAttribute("aria-disabled", "true");
    try {
      const { refused, message } = await post(form);
      if (isDone) {
        end(message);
      } else if (refused) {
        // From here on, leaving says why the sitting ended.
        main.dataset.ending = JSON.stringify(message);
        news.textContent = "Your session has ended. Choose Done to go back.";
      } else if ("request" in form.dataset) {
        showRequested(form, message);
      } else {
        tell(message);
        show(form, message);
      }
    } catch {
      news.textContent = "The sandbox did not answer. Please try again.";
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
})();
