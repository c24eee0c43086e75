// What needs no browser: reading, addresses, and who is listened to. `node --test`
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";

import { press, page, show } from "./page.js";

const { configure, events, frameUrl, normalize, open } = await import("../connect.js");
const forms = JSON.parse(readFileSync(new URL("forms.json", import.meta.url), "utf8"));

const ORIGIN = "https://hapi-connect.humanapi.co";
let heard = [];
for (const name of ["connect", "disconnect", "close", "error"]) {
  events.addEventListener(name, ({ detail }) => heard.push([name, detail]));
}
const names = () => heard.map(([name]) => name);

beforeEach(() => {
  page.reset();
  heard = [];
});

for (const { what, data, normal } of forms) {
  test(`normal form: ${what}`, () => assert.deepEqual(normalize(data), normal));
}

const circular = { type: "close" };
circular.self = circular;
const malformed = {
  null: null,
  undefined,
  number: 7,
  boolean: true,
  symbol: Symbol("close"),
  function: () => "close",
  bigint: 7n,
  "object with a bigint": { type: "close", size: 7n },
  circle: circular,
  array: ["hapi-connect-close"],
  "no type": { status: "SUCCESS" },
  "type of a number": { type: 7 },
  "type of an object": { type: { toString: () => "close" } },
  "type of an array": { type: ["close"] },
  "type of another": { type: "hapi-connect-dance" },
  "type that every object has": { type: "constructor" },
  "type of the prototype": { type: "__proto__" },
  "key __proto__": JSON.parse('{"type":"close","__proto__":{"status":"SUCCESS"}}'),
  "key __proto__ deep": JSON.parse('{"type":"close","a":[{"b":{"__proto__":1}}]}'),
  "key __proto__ in text": '{"type":"close","__proto__":{}}',
  "getter that throws": { get type() { throw new Error("no"); } },
  "text that is no JSON": '{"type":"close"',
  "text of a number": "7",
  "empty text": "",
  "prefix alone": "hapi-connect-",
  "prefix twice": "hapi-connect-hapi-connect-close",
  "too large": { type: "close", filler: "x".repeat(65536) },
  "too large in bytes": { type: "close", filler: "ä".repeat(33000) },
  "text too large": " ".repeat(65536) + "close",
  deep: "[".repeat(60000),
};
for (const [what, data] of Object.entries(malformed)) {
  test(`not a report: ${what}`, () => {
    assert.equal(normalize(data), null);
    assert.equal({}.status, undefined);
  });
}

test("what fits into 64 KiB as it is posted is read", () => {
  const posted = (message) => JSON.stringify({ message, dismissed: false }).length;
  const empty = posted({ type: "close", filler: "" });
  assert.ok(normalize({ type: "close", filler: "x".repeat(65536 - empty) }));
  assert.equal(normalize({ type: "close", filler: "x".repeat(65537 - empty) }), null);
  const quotes = (count) => JSON.stringify({ type: "close", filler: '"'.repeat(count) });
  assert.ok(posted(quotes(21000)) > 65536 && quotes(21000).length < 65536);
  assert.equal(normalize(quotes(21000)), null);
});

test("a report is a copy", () => {
  const data = { type: "close", currentConnections: [{ name: "A" }] };
  const { message } = normalize(data);
  message.more = message.currentConnections[0].more = 1;
  assert.deepEqual(data, { type: "close", currentConnections: [{ name: "A" }] });
});

test("the frame has the widget's address, in the widget's order", () => {
  const options = {
    token: "a+/=&", inviteSessionId: "i", mode: "select", clientId: "app", preseed: "true",
    preseededSources: ["é"], config: "c", segment: "s t", pinnedProviders: "p", unknown: "no",
  };
  assert.equal(
    frameUrl(options).href,
    `${ORIGIN}/?token=a%2B%2F%3D%26&pisId=i&mode=select&clientId=app&preseededSources=WyLDqSJd` +
      "&preseed=true&config=c&segment=s+t&pinnedProviders=p",
  );
  assert.equal(frameUrl({ token: "t" }).href, `${ORIGIN}/?token=t`);
  assert.equal(frameUrl({ mode: "select" }).search, "?mode=select&preseededSources=W10%3D");
  assert.equal(frameUrl({ token: "t", preseed: "false", clientId: "app" }).search, "?token=t");
});

test("the frame is https, or on this machine", () => {
  const fits = (baseURL) => frameUrl({ baseURL, token: "t" }) !== null;
  for (const base of ["https://a.example", "http://127.0.0.1:9", "http://localhost", "http://[::1]:1"]) {
    assert.ok(fits(base), base);
  }
  for (const base of [
    "http://a.example", "javascript:alert(1)", "data:text/html,x", "//a.example", "/x", "nothing",
    "https://u@a.example", "https://u:p@a.example", "http://localhost.a.example", "http://127.0.0.1.a.example",
    "http://128.0.0.1", "ftp://127.0.0.1", "blob:https://a.example/1", "https://",
  ]) {
    assert.ok(!fits(base), base);
  }
});

test("a press on a button opens its frame, and a second press nothing", () => {
  const button = page.button({ token: "st-1", "base-url": "http://127.0.0.1:9", segment: "s" });
  const first = press(button);
  press(button);
  assert.ok(first.defaultPrevented);
  assert.equal(page.frames().length, 1);
  const [frame] = page.frames();
  assert.equal(frame.src, "http://127.0.0.1:9/?token=st-1&mode=auth&segment=s");
  assert.equal(frame.referrerPolicy, "no-referrer");
  assert.ok(frame.title);
  show().button.onclick();
  assert.equal(page.frames().length, 0);
  assert.equal(page.focused(), button);
  press(button);
  assert.equal(page.frames().length, 1);
});

test("a press elsewhere, on a button outside its container or on one switched off opens nothing", () => {
  press(page.button({}));
  press(page.button({ token: "st-1" }, { contained: false }));
  press(page.button({ token: "st-1" }, { ariaDisabled: "true" }));
  assert.equal(page.frames().length, 0);
  assert.deepEqual(heard, []);
});

test("keys press what no browser presses by itself", () => {
  const plain = page.button({ token: "st-1" });
  const drawn = page.button({ token: "st-1" }, { tag: "div" });
  press(plain, { type: "keydown", key: "Enter" });
  press(drawn, { type: "keydown", key: "a" });
  press(drawn, { type: "keydown", key: "Enter", repeat: true });
  assert.equal(page.frames().length, 0);
  press(drawn, { type: "keydown", key: " " });
  assert.equal(page.frames().length, 1);
});

test("a button without a token, or with a base that is refused, says so", () => {
  press(page.button({ token: "" }));
  press(page.button({ token: "st-1", "base-url": "http://a.example" }));
  assert.equal(page.frames().length, 0);
  assert.deepEqual(heard.map(([name, { code }]) => [name, code]), [
    ["error", "token-missing"],
    ["error", "base-url-refused"],
  ]);
  assert.ok(open({ mode: "select", clientId: "app" }), "selecting needs none");
});

test("the vendor's own dialog and ours are never open at once", () => {
  page.vendorIsOpen = true;
  assert.equal(open({ token: "t" }), null);
  assert.equal(page.frames().length, 0);
});

const CLOSE = { type: "hapi-connect-close", status: "SUCCESS" };

test("only the frame, and only while it shows Connect, is listened to", () => {
  open({ token: "t" });
  const source = page.frames()[0].contentWindow;
  for (const [what, message] of Object.entries({
    "another window": { source: {}, origin: ORIGIN, data: CLOSE },
    "the page itself": { source: globalThis, origin: ORIGIN, data: CLOSE },
    "no window": { source: null, origin: ORIGIN, data: CLOSE },
    "another origin": { source, origin: "https://evil.example", data: CLOSE },
    "an origin like it": { source, origin: `${ORIGIN}.evil.example`, data: CLOSE },
    "its plain http": { source, origin: "http://hapi-connect.humanapi.co", data: CLOSE },
    "no origin": { source, origin: "null", data: CLOSE },
    nonsense: { source, origin: ORIGIN, data: null },
  })) {
    page.post(message);
    assert.deepEqual(heard, [], what);
  }
  page.post({ source, origin: ORIGIN, data: CLOSE });
  assert.deepEqual(names(), ["close"]);
  assert.equal(page.frames().length, 0);
  page.post({ source, origin: ORIGIN, data: CLOSE });
  page.post({ source, origin: ORIGIN, data: { type: "hapi-connect-connect-source" } });
  assert.deepEqual(names(), ["close"], "once it is closed, nobody is");
});

test("a frame without a window is not mistaken for a message without a source", () => {
  open({ token: "t" });
  page.frames()[0].contentWindow = null;
  page.post({ source: null, origin: ORIGIN, data: CLOSE });
  assert.deepEqual(heard, []);
});

test("events reach the opener, the page and the callbacks, a throwing one among them", () => {
  const button = page.button({ token: "t" });
  const told = [];
  page.onEvent = (target, { type, bubbles }) => told.push([target === button, type, bubbles]);
  const calls = [];
  configure({
    onConnectSource: () => calls.push("connect"),
    onClose: (report) => {
      calls.push(report.status);
      throw new Error("the page's own");
    },
  });
  press(button);
  page.say({ type: "hapi-connect-connect-source" });
  page.say({ type: "hapi-connect-disconnect-source" });
  page.say({ type: "hapi-connect-error", message: "oh" });
  page.say(CLOSE);
  configure({ onConnectSource: undefined, onClose: undefined });
  assert.deepEqual(names(), ["connect", "disconnect", "error", "close"]);
  assert.deepEqual(told, [
    [true, "hapi:connect", true],
    [true, "hapi:disconnect", true],
    [true, "hapi:error", true],
    [true, "hapi:close", true],
  ]);
  assert.deepEqual(calls, ["connect", "SUCCESS"]);
  assert.equal(page.errors.length, 1);
});

test("closing the dialog tells what was seen, and that Connect did not say it", () => {
  const dialog = open({ token: "t" });
  page.say({
    type: "hapi-connect-connect-source",
    status: "CONNECTED_SOURCE",
    sessionResults: { connectedSources: [{ name: "A", id: "1" }] },
  });
  dialog.close();
  dialog.close();
  assert.deepEqual(names(), ["connect", "close"]);
  const [, report] = heard[1];
  assert.equal(report.event, "close");
  assert.equal(report.status, null);
  assert.equal(report.dismissed, true);
  assert.equal(report.tellsSources, false);
  assert.deepEqual(report.connected, [{ name: "A", id: "1" }]);
  assert.equal(report.message.type, "hapi-connect-connect-source");
  heard = [];
  open({ token: "t" }).close();
  assert.deepEqual([heard[0][1].message, heard[0][1].dismissed], [null, true]);
});

function opened(baseURL, url, type = "hapi-connect-open-url") {
  page.reset();
  heard = [];
  open({ token: "t", baseURL });
  page.say({ type, url });
  return page.windows;
}

test("Connect opens https, and http on this machine from this machine", () => {
  const features = "noopener,noreferrer";
  assert.deepEqual(opened(undefined, "https://a.example/x"), [["https://a.example/x", "_blank", features]]);
  assert.equal(opened(undefined, "https://a.example/x", "hapi-open-url").length, 1);
  assert.equal(opened("http://127.0.0.1:9", "http://127.0.0.1:10/x").length, 1);
  for (const [base, url] of [
    [undefined, "http://127.0.0.1:10/x"],
    ["http://127.0.0.1:9", "http://a.example/"],
    [undefined, "javascript:alert(1)"],
    [undefined, " javascript:alert(1)"],
    [undefined, "data:text/html,x"],
    [undefined, "file:///etc/passwd"],
    [undefined, "https://u:p@a.example/"],
    [undefined, "/relative"],
    [undefined, undefined],
    [undefined, { toString: 1 }],
  ]) {
    assert.deepEqual(opened(base, url), [], JSON.stringify(url));
    assert.deepEqual(heard.map(([name, { code }]) => [name, code]), [["error", "url-refused"]]);
  }
});

test("a base set by the page outdoes that of a button", () => {
  configure({ baseURL: "https://pinned.example" });
  press(page.button({ token: "t", "base-url": "https://evil.example" }));
  configure({ baseURL: undefined });
  assert.equal(page.frames()[0].src, "https://pinned.example/?token=t&mode=auth");
});
