"use strict";
// Exchanges what has changed of a case, for as long as its order is not over.
(async () => {
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const region = () => document.getElementById("progress");
  while (region() && !("over" in region().dataset)) {
    const old = region();
    let text = null;
    try {
      const answer = await fetch(`${old.dataset.case}/progress?seen=${old.dataset.seen}`, { cache: "no-store" });
      text = answer.ok ? await answer.text() : null;
    } catch {
      // The desk cannot be reached: it is asked again.
    }
    const fresh = text && new DOMParser().parseFromString(text, "text/html").getElementById("progress");
    if (!fresh) {
      await wait(5000);
      continue;
    }
    if (old.isEqualNode(fresh)) continue;
    const focused = old.contains(document.activeElement);
    old.replaceWith(fresh);
    if (focused) document.getElementById("now").focus();
    if (old.dataset.now !== fresh.dataset.now) document.getElementById("news").textContent = fresh.dataset.now;
  }
})();
// A second click of a double click would post the form once more. The desk orders once all the same.
document.addEventListener("submit", ({ target }) => {
  for (const button of target.querySelectorAll("button")) setTimeout(() => (button.disabled = true));
});
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
