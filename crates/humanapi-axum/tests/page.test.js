// What page.js does between a press and the server's answer. `node --test`
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

// Where the router serves it: beside the routes, and one step below connect.js, which merely takes note here.
const folder = mkdtempSync(join(tmpdir(), "page-js-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "connect"));
writeFileSync(join(folder, "package.json"), '{"type":"module"}');
writeFileSync(join(folder, "connect.js"), "export const open = (options) => void globalThis.opened.push(options);");
const script = join(folder, "connect", "page.js");
copyFileSync(fileURLToPath(new URL("../assets/page.js", import.meta.url)), script);
const route = (name) => new URL(name, pathToFileURL(script)).href;

const status = { textContent: "" };
globalThis.document = Object.assign(new EventTarget(), { querySelectorAll: () => [status] });
const page = { answers: [], posts: [], reloads: 0, went: [] };
globalThis.location = { reload: () => void (page.reloads += 1), assign: (url) => void page.went.push(url) };
globalThis.fetch = async (url, { body, ...options }) => {
  page.posts.push({ url: url.href, body: JSON.parse(body), options });
  const answer = page.answers.shift();
  if (!answer) throw new TypeError("there is no network");
  return await answer;
};
await import(pathToFileURL(script));

const TOKEN = { token: "st-1", options: { token: "st-1", baseURL: "https://connect.example.test" } };
const reply = (body, status = 200) => new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
const refusal = (error, status) => reply({ error }, status);

let listeners = [];
beforeEach(() => {
  Object.assign(page, { answers: [], posts: [], reloads: 0, went: [] });
  globalThis.opened = [];
  status.textContent = "";
  for (const [name, listener] of listeners) document.removeEventListener(name, listener);
  listeners = [];
});

function on(name, listener) {
  document.addEventListener(name, listener);
  listeners.push([name, listener]);
}

function button(...names) {
  const attributes = new Map(names.map((name) => [name, ""]));
  return {
    attributes,
    dataset: { connectLabel: "Share it" },
    matches: (selector) => names.some((name) => selector.includes(`[${name}]`)),
    closest(selector) { return this.matches(selector) ? this : null; },
    setAttribute: (name, value) => void attributes.set(name, value),
    removeAttribute: (name) => void attributes.delete(name),
  };
}

function press(target) {
  const event = new Event("click", { cancelable: true });
  Object.defineProperty(event, "target", { value: target });
  document.dispatchEvent(event);
  return event;
}

/** Until nothing is left to be done but what waits for a timer. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Presses a button and gives what connect.js was told to open with. */
async function opened(answer = reply(TOKEN), target = button("data-connect")) {
  page.answers.push(answer);
  press(target);
  await settle();
  return globalThis.opened.at(-1);
}

const routes = () => page.posts.map(({ url }) => url);

test("a press gets a token and opens Connect with it", async () => {
  const target = button("data-connect");
  page.answers.push(reply(TOKEN));
  assert.ok(press(target).defaultPrevented);
  assert.equal(status.textContent, "Opening Connect…");
  assert.equal(target.attributes.get("aria-busy"), "true");
  await settle();
  assert.equal(status.textContent, "");
  assert.ok(!target.attributes.has("aria-busy"));
  const [{ opener, label, token, baseURL }] = globalThis.opened;
  assert.deepEqual({ opener, label, token, baseURL }, { opener: target, label: "Share it", ...TOKEN.options });
  const [{ url, body, options }] = page.posts;
  assert.deepEqual([url, body], [route("token"), {}]);
  assert.equal(options.method, "POST");
  assert.equal(options.headers["Content-Type"], "application/json");
  assert.deepEqual([options.credentials, options.redirect], ["same-origin", "error"]);
});

test("what is no button of ours, or was handled, is left alone", async () => {
  assert.ok(!press(button("data-other")).defaultPrevented);
  assert.ok(!press({}).defaultPrevented);
  const event = new Event("click", { cancelable: true });
  Object.defineProperty(event, "target", { value: button("data-connect") });
  event.preventDefault();
  document.dispatchEvent(event);
  await settle();
  assert.deepEqual(page.posts, []);
});

test("pressed twice, it asks once", async () => {
  page.answers.push(reply(TOKEN), reply(TOKEN));
  press(button("data-connect"));
  press(button("data-connect"));
  await settle();
  assert.equal(page.posts.length, 1);
  assert.equal(globalThis.opened.length, 1);
});

test("hosted Connect is gone to where there is a link, and opened here where there is none", async () => {
  const link = "https://hosted.example.test/?token=st-1";
  await opened(reply({ ...TOKEN, hostedLink: link }), button("data-connect-hosted"));
  assert.deepEqual([page.went, globalThis.opened], [[link], []]);
  await opened(reply({ ...TOKEN, hostedLink: link }), button("data-connect"));
  await opened(reply(TOKEN), button("data-connect-hosted"));
  assert.deepEqual([page.went.length, globalThis.opened.length], [1, 2]);
});

test("reports go to the server while Connect is open, and a failure is no news", async () => {
  const { onConnectSource, onDisconnectSource } = await opened();
  page.answers.push(reply({ next: "read-data" }), reply("nonsense", 500));
  const message = { type: "hapi-connect-connect-source", later: 1 };
  onConnectSource({ event: "connect", connected: [{ name: "A" }], message, dismissed: false });
  onDisconnectSource({ event: "disconnect", message: "disconnect-source", dismissed: false });
  await settle();
  assert.deepEqual(routes().slice(1), [route("outcome"), route("outcome")]);
  assert.deepEqual(page.posts[1].body, { message, dismissed: false }, "as it came");
  assert.deepEqual(page.posts[2].body, { message: "disconnect-source", dismissed: false });
  assert.deepEqual([status.textContent, page.reloads], ["", 0]);
});

test("whoever closes the dialog is told to the server as such", async () => {
  const { onClose } = await opened();
  page.answers.push(reply({ next: "nothing" }));
  onClose({ event: "close", message: null, dismissed: true });
  await settle();
  assert.deepEqual(page.posts[1].body, { message: null, dismissed: true });
});

test("a report outlives the page if it is small enough for that", async () => {
  const { onConnectSource } = await opened();
  page.answers.push(reply({}), reply({}));
  onConnectSource({ event: "connect", message: "connect-source" });
  onConnectSource({ event: "connect", message: { filler: "x".repeat(30_000) } });
  await settle();
  assert.deepEqual(page.posts.slice(1).map(({ options }) => options.keepalive), [true, false]);
});

for (const [next, reloads] of [["read-data", 1], ["nothing", 0], ["pass-token", 0], ["keep-listening", 0]]) {
  test(`after Connect has closed, the answer is ${next}`, async () => {
    const { onClose } = await opened();
    const heard = [];
    on("connect:answer", ({ detail }) => heard.push(detail.next));
    page.answers.push(reply({ next }));
    onClose({ event: "close" });
    assert.equal(status.textContent, "Checking your connections…");
    await settle();
    assert.deepEqual([heard, page.reloads, status.textContent], [[next], reloads, ""]);
    assert.equal(globalThis.opened.length, 1);
  });
}

test("a page that handles the answer is not loaded again", async () => {
  const { onClose } = await opened();
  on("connect:answer", (event) => event.preventDefault());
  page.answers.push(reply({ next: "read-data" }));
  onClose({ event: "close" });
  await settle();
  assert.equal(page.reloads, 0);
});

test("an answer that is not known yet is asked for once more", async () => {
  const { onClose } = await opened();
  const again = { next: "check-again", recheckIn: 0.02 };
  page.answers.push(reply(again), reply(again));
  onClose({ event: "close", message: "close", dismissed: false });
  await settle();
  assert.equal(page.posts.length, 2);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(page.posts.length, 3);
  assert.deepEqual(page.posts[2].body, { message: "close", dismissed: false });
  assert.deepEqual([page.reloads, status.textContent], [0, ""]);
});

test("a session that expired is renewed, once", async () => {
  const { onClose } = await opened();
  page.answers.push(reply({ next: "renew-token" }), reply(TOKEN));
  onClose({ event: "close" });
  await settle();
  assert.equal(globalThis.opened.length, 2);
  page.answers.push(reply({ next: "renew-token" }));
  globalThis.opened[1].onClose({ event: "close" });
  await settle();
  assert.equal(globalThis.opened.length, 2);
  assert.deepEqual(routes(), ["token", "outcome", "token", "outcome"].map(route));
});

const SIGN_IN = "you are not signed in any more: load the page again and sign in.";
const LATER = "the server could not be reached: try again in a moment.";
for (const [what, answer, code, text] of [
  ["a refusal with a remedy", refusal({ code: "too-often", remedy: "wait", retryIn: 7 }, 429), "too-often", "wait (in 7 s)"],
  ["a refusal without one", refusal({ code: "odd" }, 400), "odd", LATER],
  ["somebody who is not signed in", reply("Sign in first.", 401), "http-401", SIGN_IN],
  ["a proxy's page", reply("<h1>Bad gateway</h1>", 502), "http-502", LATER],
  ["an answer that is no JSON", reply("<h1>Welcome</h1>"), "http-200", LATER],
  ["no answer", null, "unreachable", LATER],
]) {
  test(`told to the page and the user: ${what}`, async () => {
    const heard = [];
    on("connect:problem", ({ detail }) => heard.push(detail.code));
    const target = button("data-connect");
    await opened(answer, target);
    assert.deepEqual(heard, [code]);
    assert.equal(status.textContent, `That did not work: ${text}`);
    assert.ok(!target.attributes.has("aria-busy"));
    // And the next press works.
    status.textContent = "";
    page.answers = [];
    assert.ok(await opened(reply(TOKEN), target));
  });
}

test("a page that handles a problem shows it by itself", async () => {
  on("connect:problem", (event) => event.preventDefault());
  await opened(refusal({ code: "too-often", remedy: "wait" }, 429));
  assert.equal(status.textContent, "");
});

test("what cannot be confirmed after Connect has closed is told", async () => {
  const { onClose } = await opened();
  page.answers.push(refusal({ code: "service-unavailable", remedy: "try again in a moment" }, 503));
  onClose({ event: "close" });
  await settle();
  assert.equal(status.textContent, "That did not work: try again in a moment");
  assert.equal(page.reloads, 0);
});
