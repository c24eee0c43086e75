// Joins the page's buttons, connect.js and the routes beside this file. MIT OR Apache-2.0
//
// [data-connect]         a button that opens Connect
// [data-connect-hosted]  a link or button that goes to hosted Connect
// [data-connect-status]  shows what is going on
//
// On the document: "connect:answer" with the server's answer, and "connect:problem" with its error. Call
// `preventDefault` to handle either by yourself.

import { open } from "../connect.js";

const STATUS = {
  opening: "Opening Connect…",
  checking: "Checking your connections…",
  renewing: "The session had expired. Opening Connect again…",
  unreachable: "the server could not be reached: try again in a moment.",
  signedOut: "you are not signed in any more: load the page again and sign in.",
};

const say = (text) => {
  for (const place of document.querySelectorAll("[data-connect-status]")) place.textContent = text;
};

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Tells the page; whether the page leaves the rest to us. */
const tell = (name, detail) =>
  document.dispatchEvent(new CustomEvent("connect:" + name, { detail, cancelable: true }));

async function post(route, body) {
  let response;
  try {
    response = await fetch(new URL(route, import.meta.url), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
      // A report goes out even if the page is left at once. Browsers take at most 64 KiB so.
      keepalive: JSON.stringify(body).length < 30000,
    });
  } catch {
    throw { code: "unreachable", remedy: STATUS.unreachable };
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (answer?.error) throw answer.error;
  // Who is not signed in gets the application's own answer, whatever that is.
  const remedy = response.status === 401 ? STATUS.signedOut : STATUS.unreachable;
  throw { code: "http-" + response.status, remedy };
}

function failed(problem) {
  // Whoever handles it says what is to be said.
  say("");
  if (!tell("problem", problem)) return;
  const retry = problem.retryIn ? ` (in ${problem.retryIn} s)` : "";
  say(`That did not work: ${problem.remedy ?? STATUS.unreachable}${retry}`);
}

let busy = false;

async function start(opener, renewed = false) {
  if (busy) return;
  busy = true;
  say(renewed ? STATUS.renewing : STATUS.opening);
  opener.setAttribute("aria-busy", "true");
  try {
    const { options, hostedLink } = await post("token", {});
    if (opener.matches("[data-connect-hosted]") && hostedLink) {
      location.assign(hostedLink);
      return;
    }
    say("");
    open({
      ...options,
      opener,
      label: opener.dataset.connectLabel,
      onConnectSource: (report) => void tellServer(report, false),
      onDisconnectSource: (report) => void tellServer(report, false),
      onClose: (report) => void closed(opener, report, renewed),
    });
  } catch (problem) {
    failed(problem);
  } finally {
    opener.removeAttribute("aria-busy");
    busy = false;
  }
}

/** Tells the server what Connect said, as it came. While it is open, a failure is no news for the user. */
async function tellServer({ message, dismissed }, loud) {
  try {
    return await post("outcome", { message, dismissed });
  } catch (problem) {
    if (loud) failed(problem);
    return null;
  }
}

async function closed(opener, report, renewed) {
  say(STATUS.checking);
  let answer = await tellServer(report, true);
  if (answer?.next === "check-again") {
    await wait(answer.recheckIn ?? 10);
    answer = await tellServer(report, true);
  }
  if (!answer) return;
  say("");
  if (!tell("answer", answer)) return;
  if (answer.next === "renew-token" && !renewed) await start(opener, true);
  else if (answer.next === "read-data") location.reload();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-connect],[data-connect-hosted]");
  if (!opener || event.defaultPrevented) return;
  event.preventDefault();
  void start(opener);
});
