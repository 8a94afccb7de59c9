// SPDX-License-Identifier: BSD-2-Clause
// The extension's modules that need no browser.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { CHALLENGE_LENGTH_MAX, challengeOf, exactly, originOf, related } from "../../client/browser/challenge.js";
import { Host, HostError, IDLE_MS, ANSWER_WITHIN_MS } from "../../client/browser/host.js";
import { Refusals, REFUSALS_MAX, REFUSALS_WITHIN_MS } from "../../client/browser/refusals.js";
import { deviceLines, siteLines } from "../../client/browser/report.js";

const SOURCE = new URL("../../client/browser/", import.meta.url);
const header = (value, name = "WWW-Authenticate") => ({ name, value });

test("challengeOf_fields_of_several_schemes_are_joined", () => {
  assert.equal(challengeOf([header("PrivateToken challenge=a")]), "PrivateToken challenge=a");
  assert.equal(challengeOf([header("Basic realm=x"), header("privatetoken challenge=a", "www-authenticate")]), "Basic realm=x, privatetoken challenge=a");
  assert.equal(challengeOf([header("Basic realm=x, PrivateToken challenge=a")]), "Basic realm=x, PrivateToken challenge=a");
});

test("challengeOf_response_that_does_not_ask_is_null", () => {
  for (const headers of [undefined, [], [header("Basic realm=PrivateToken")], [header("XPrivateToken a=b")], [header("PrivateToken")],
    [header("PrivateToken challenge=a", "Proxy-Authenticate")], [{ name: "WWW-Authenticate", binaryValue: [80] }],
    [header(`PrivateToken challenge=${"a".repeat(CHALLENGE_LENGTH_MAX)}`)]]) {
    assert.equal(challengeOf(headers), null);
  }
});

test("originOf_url_gives_the_host_that_is_connected_to", () => {
  for (const [url, origin] of [
    ["https://shop.example/a?b#c", "shop.example"], ["https://shop.example:443/", "shop.example"], ["https://SHOP.example:8443", "shop.example:8443"],
    ["https://bank.example@evil.example/", "evil.example"], ["https://evil.example/https://bank.example/", "evil.example"],
    ["https://[2001:db8::1]:8443/", "[2001:db8::1]:8443"], ["https://bücher.example/", "xn--bcher-kva.example"],
    ["http://shop.example/", null], ["ws://shop.example/", null], ["file:///etc/passwd", null], ["about:blank", null], ["", null],
    ["chrome-extension://abc/", null], ["blob:https://shop.example/1", null],
  ]) {
    assert.equal(originOf(url), origin, url);
  }
});

test("related_only_names_below_one_another", () => {
  assert.ok(related("shop.example", "shop.example"));
  assert.ok(related("img.shop.example", "shop.example"));
  assert.ok(related("shop.example", "www.shop.example"));
  assert.ok(!related("evilshop.example", "shop.example"));
  assert.ok(!related("shop.example.evil.example", "shop.example"));
  assert.ok(!related("a.example", "b.example"));
});

/** What declarativeNetRequest documents of urlFilter: `|` at the ends anchors, `*` is anything, `^` a separator. */
function matches({ urlFilter, regexFilter }, url) {
  if (regexFilter) {
    return new RegExp(regexFilter, "u").test(url);
  }
  assert.ok(!/[*^|]/.test(urlFilter.slice(1, -1)));
  return urlFilter === `|${url}|`;
}

test("exactly_condition_is_met_by_this_url_alone", () => {
  for (const url of ["https://shop.example/", "https://shop.example:8443/a?b=c&d=(e)[f]{g}$h+i.j\\k#l", "https://shop.example/*", "https://shop.example/a^b|c"]) {
    const condition = exactly(url);
    assert.equal(condition.isUrlFilterCaseSensitive, true);
    assert.ok(matches(condition, url), url);
    for (const other of [`${url}x`, `x${url}`, url.slice(0, -1), url.replace("shop", "shopx"), `https://evil.example/?${url}`]) {
      assert.ok(!matches(condition, other), other);
    }
  }
  assert.ok(!matches(exactly("https://shop.example/*"), "https://shop.example/x"));
  assert.ok(!matches(exactly("https://shop.example/.|"), "https://shop.example/x|"));
});

test("refusals_are_counted_by_website_and_forgotten", () => {
  const refusals = new Refusals();
  for (let count = 0; count < REFUSALS_MAX; count += 1) {
    assert.ok(!refusals.exhausted("shop.example", count));
    refusals.note("shop.example", count);
  }
  assert.ok(refusals.exhausted("shop.example", REFUSALS_MAX));
  assert.ok(!refusals.exhausted("blog.example", REFUSALS_MAX));
  assert.ok(refusals.exhausted("shop.example", REFUSALS_WITHIN_MS - 1));
  assert.ok(!refusals.exhausted("shop.example", REFUSALS_WITHIN_MS));
});

/** Stands in for setTimeout() until the end of the test; tick() lets time pass. */
function fakeClock(t) {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = new Map();
  let now = 0;
  let last = 0;
  t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }));
  globalThis.setTimeout = (run, ms) => {
    last += 1;
    timers.set(last, { run, at: now + ms });
    return last;
  };
  globalThis.clearTimeout = (timer) => timers.delete(timer);
  return {
    tick(ms) {
      now += ms;
      for (const [timer, { run, at }] of [...timers]) {
        if (at <= now && timers.delete(timer)) {
          run();
        }
      }
    },
  };
}

/** A browser's port, played by hand. */
class FakePort {
  sent = [];
  closed = false;
  onMessage = { addListener: (listener) => (this.answer = listener) };
  onDisconnect = { addListener: (listener) => (this.vanish = listener) };

  postMessage(message) {
    this.sent.push(message);
  }

  disconnect() {
    this.closed = true;
  }
}

function hostWithPorts() {
  const ports = [];
  return { ports, host: new Host(() => (ports.push(new FakePort()), ports.at(-1))) };
}

test("host_answers_are_matched_by_number", async (t) => {
  fakeClock(t);
  const { ports, host } = hostWithPorts();
  const [first, second] = [host.ask({ method: "status" }), host.ask({ method: "status" })];
  assert.deepEqual(ports[0].sent, [{ id: 1, method: "status" }, { id: 2, method: "status" }]);
  ports[0].answer({ id: 9, status: "nobody asked" });
  ports[0].answer({ id: 2, status: "second" });
  ports[0].answer({ id: 1, error: { name: "PolicyDenied", message: "encrypt the disk" } });
  assert.equal((await second).status, "second");
  await assert.rejects(first, (error) => error instanceof HostError && error.name === "PolicyDenied" && error.message === "encrypt the disk");
  assert.equal(ports.length, 1);
});

test("host_that_is_idle_is_let_go_and_comes_again", async (t) => {
  const clock = fakeClock(t);
  const { ports, host } = hostWithPorts();
  const first = host.ask({ method: "status" });
  ports[0].answer({ id: 1 });
  await first;
  clock.tick(IDLE_MS - 1);
  assert.ok(!ports[0].closed);
  clock.tick(1);
  assert.ok(ports[0].closed);
  host.ask({ method: "status" });
  assert.equal(ports.length, 2);
  // A question under way keeps it.
  clock.tick(IDLE_MS);
  assert.ok(!ports[1].closed);
});

test("host_that_vanishes_fails_all_questions_and_says_why", async (t) => {
  fakeClock(t);
  const { ports, host } = hostWithPorts();
  const questions = [host.ask({}), host.ask({})];
  ports[0].vanish({ error: { message: "not found" } });
  for (const question of questions) {
    await assert.rejects(question, { name: "HostMissing", message: "not found" });
  }
});

test("host_that_cannot_be_started_fails_the_question", async (t) => {
  fakeClock(t);
  const host = new Host(() => {
    throw new Error("no such host");
  });
  await assert.rejects(host.ask({}), { name: "HostMissing", message: "no such host" });
});

test("host_that_is_silent_fails_the_question_in_the_end", async (t) => {
  const clock = fakeClock(t);
  const { ports, host } = hostWithPorts();
  const question = host.ask({});
  clock.tick(ANSWER_WITHIN_MS);
  await assert.rejects(question, { name: "HostSilent" });
  ports[0].answer({ id: 1 });
});

const locales = Object.fromEntries(
  readdirSync(new URL("_locales/", SOURCE)).map((name) => [name, JSON.parse(readFileSync(new URL(`_locales/${name}/messages.json`, SOURCE)))]),
);

/** As i18n.getMessage() does, of English, and strict. */
function text(key, ...values) {
  const { message, placeholders = {} } = locales.en[key];
  assert.equal(Object.keys(placeholders).length, values.length, key);
  return message.replace(/\$(\w+)\$/g, (_, name) => values[Number(placeholders[name.toLowerCase()].content.slice(1)) - 1]);
}

test("siteLines_every_event_has_its_sentence", () => {
  const of = (state) => siteLines(state && { used: 0, name: "", message: "", ...state }, text);
  assert.match(of(undefined).line, /not asked/);
  assert.deepEqual(of({ event: "answered", used: 1 }), { line: text("siteUsedOne"), good: true });
  assert.match(of({ event: "answered", used: 4 }).line, /got 4/);
  assert.equal(of({ event: "failed", name: "PolicyDenied", message: "encrypt the disk" }).remedy, "Encrypt the disk.");
  assert.match(of({ event: "failed", name: "HostMissing", message: "Native host has exited." }).remedy, /attester-native-host/);
  assert.match(of({ event: "failed", name: "Internal" }).remedy, /Internal/);
  for (const event of ["refused", "often", "form"]) {
    assert.equal(of({ event }).good, false);
    assert.ok(of({ event }).remedy.length > 10);
  }
  assert.match(of({ event: "off" }).line, /switched/);
});

test("deviceLines_trouble_comes_with_the_remedy", () => {
  const fine = { daemon: "ready", "tpm-state": "ready", "seal-state": "open", "cached-tokens": 0 };
  assert.deepEqual(deviceLines({ status: fine }, text), { line: "Ready.", note: undefined, good: true });
  assert.match(deviceLines({ status: { ...fine, "cached-tokens": 7 } }, text).line, /: 7\.$/);
  assert.match(deviceLines({ status: { ...fine, "last-refusal": "PolicyDenied", "last-refusal-message": "update" } }, text).note, /: Update\.$/);
  assert.equal(deviceLines({ status: { ...fine, "last-refusal": "PolicyDenied", "last-refusal-message": "update" } }, text, "Update.").note, undefined);
  assert.equal(deviceLines({ status: { ...fine, daemon: "attesterd is not running" } }, text).remedy, "attesterd is not running.");
  assert.equal(deviceLines({ status: { ...fine, "tpm-state": "unavailable: locked out" } }, text).remedy, "Locked out.");
  assert.equal(deviceLines({ status: { ...fine, "seal-state": "sealed: PCR 7 changed" } }, text).remedy, "PCR 7 changed.");
  assert.match(deviceLines({ error: { name: "HostSilent", message: "" } }, text).remedy, /in time/);
});

/** What the browser gives an extension, as far as answer.js takes it; each event tells who listens. */
function fakeApi() {
  const event = () => {
    const listeners = new Set();
    return { listeners, addListener: (listener) => listeners.add(listener), removeListener: (listener) => listeners.delete(listener) };
  };
  const events = (...names) => Object.fromEntries(names.map((name) => [name, event()]));
  const rules = { changes: 0, getSessionRules: async () => [], updateSessionRules: async () => (rules.changes += 1) };
  return {
    webRequest: events("onBeforeRequest", "onBeforeSendHeaders", "onSendHeaders", "onHeadersReceived", "onCompleted", "onErrorOccurred"),
    webNavigation: events("onCommitted", "onErrorOccurred"),
    declarativeNetRequest: rules,
  };
}

const nobodyIsAsked = { authorize: () => assert.fail("the agent is asked"), answered: () => assert.fail("nothing was answered") };
const ordinary = { requestId: "1", tabId: 1, frameId: 0, method: "GET", url: "https://shop.example/", type: "main_frame" };

test("answer_of_each_browser_lets_responses_that_do_not_ask_go_their_way_at_once", async () => {
  globalThis.browser = fakeApi();
  const { webRequest, declarativeNetRequest: rules } = globalThis.browser;
  for (const name of ["firefox", "chromium"]) {
    const before = rules.changes;
    Object.values(webRequest).forEach(({ listeners }) => listeners.clear());
    const { start } = await import(`../../client/browser/answer.${name}.js`);
    start(nobodyIsAsked);
    // Nothing looks at requests before they are sent, except to see that a navigation begins.
    assert.equal(webRequest.onBeforeSendHeaders.listeners.size, 0);
    for (const [statusCode, headers] of [[200, []], [304, []], [200, [header("PrivateToken challenge=a")]], [401, [header("Basic realm=x")]], [404, []]]) {
      for (const listener of webRequest.onHeadersReceived.listeners) {
        const answer = listener({ ...ordinary, statusCode, responseHeaders: headers });
        assert.ok(answer === undefined || Object.keys(answer).length === 0, "held up or changed");
      }
      for (const listener of webRequest.onSendHeaders.listeners) {
        assert.equal(listener(ordinary), undefined);
      }
    }
    assert.equal(webRequest.onBeforeSendHeaders.listeners.size, 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(rules.changes - before, name === "chromium" ? 1 : 0, "beyond what the start takes away");
  }
});

test("locales_have_the_same_messages_and_the_sources_use_each", () => {
  const sources = readdirSync(SOURCE).filter((name) => /\.(js|in)$/.test(name)).map((name) => readFileSync(new URL(name, SOURCE), "utf8")).join();
  assert.deepEqual(Object.keys(locales).sort(), ["de", "en", "es", "fr", "it", "nl"]);
  for (const messages of Object.values(locales)) {
    assert.deepEqual(Object.keys(messages).sort(), Object.keys(locales.en).sort());
    for (const [key, { message, placeholders }] of Object.entries(messages)) {
      assert.deepEqual(placeholders, locales.en[key].placeholders, key);
      assert.ok(message.length > 0);
      assert.ok(sources.includes(`"${key}"`) || sources.includes(`__MSG_${key}__`) || key.startsWith("errorHost"), `${key} is used`);
    }
  }
});

test("manifests_ask_for_nothing_beyond_the_need", () => {
  const manifest = (browser) => JSON.parse(readFileSync(new URL(`manifest.${browser}.json`, SOURCE)));
  const of = (browser, other) => new Set([readFileSync(new URL(`answer.${browser}.js`, SOURCE), "utf8"), ...(other ?? [])]);
  const shared = ["background.js", "sites.js", "popup.js"].map((name) => readFileSync(new URL(name, SOURCE), "utf8"));
  const proofs = {
    declarativeNetRequestWithHostAccess: /api\.declarativeNetRequest\./, nativeMessaging: /connectNative/, scripting: /api\.scripting\./,
    storage: /api\.storage\./, webNavigation: /api\.webNavigation\./, webRequest: /api\.webRequest\./, webRequestBlocking: /\["blocking"/,
  };
  for (const browser of ["chromium", "firefox"]) {
    const sources = [...of(browser, shared)].join();
    for (const permission of manifest(browser).permissions) {
      assert.match(sources, proofs[permission], `${browser} needs ${permission}`);
    }
  }
  assert.ok(!("host_permissions" in manifest("chromium")) && !("content_scripts" in manifest("chromium")));
});
