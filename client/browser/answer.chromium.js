// SPDX-License-Identifier: BSD-2-Clause
// Chromium: an ordinary extension sees a 401 but cannot hold it up. So the request is made again, by the tab or frame it
// filled or for the image it was to be, under a session rule that adds the token to exactly that URL in that tab, once.

import { api } from "./api.js";
import { challengeOf, exactly, originOf, related } from "./challenge.js";

const RULE_LIFETIME_MS = 15_000;
const RULES_PER_TAB_MAX = 8;
const NAVIGATIONS = ["main_frame", "sub_frame"];
const TYPES = [...NAVIGATIONS, "image", "xmlhttprequest"];

/** Rules in force: { id, tabId, url, type, timer }. */
const rules = new Set();
/** Requests that carried a token and have no response yet. */
const carrying = new Set();
/** By frame, the navigation that got a 401, until another one begins there. */
const attempts = new Map();
let lastRule = 0;
/** Resolves when no rule is left of a background that was stopped. */
const cleared = api.declarativeNetRequest
  .getSessionRules()
  .then((left) => api.declarativeNetRequest.updateSessionRules({ removeRuleIds: left.map((rule) => rule.id) }));

const frameKey = ({ tabId, frameId }) => `${tabId} ${frameId}`;

async function removeRule(rule) {
  clearTimeout(rule.timer);
  rules.delete(rule);
  await api.declarativeNetRequest.updateSessionRules({ removeRuleIds: [rule.id] });
}

/** From now on, the next such request carries the token. */
async function addRule({ tabId, url, type }, authorization) {
  await cleared;
  lastRule += 1;
  const rule = { id: lastRule, tabId, url, type };
  await api.declarativeNetRequest.updateSessionRules({
    addRules: [
      {
        id: rule.id,
        condition: { ...exactly(url), tabIds: [tabId], resourceTypes: [type], requestMethods: ["get"] },
        action: { type: "modifyHeaders", requestHeaders: [{ header: "Authorization", operation: "set", value: authorization }] },
      },
    ],
  });
  rule.timer = setTimeout(() => removeRule(rule), RULE_LIFETIME_MS);
  rules.add(rule);
  return rule;
}

/** Resolves when the frame's document is there, or an error page: from then on a reload repeats this navigation. */
function begin(request) {
  const attempt = {};
  attempt.arrival = new Promise((resolve) => {
    attempt.arrived = resolve;
  });
  endAttempt(frameKey(request));
  attempts.set(frameKey(request), attempt);
  return attempt;
}

/** The frame goes elsewhere. */
function endAttempt(key) {
  attempts.get(key)?.arrived();
  attempts.delete(key);
}

function reload({ tabId, frameId, type }) {
  if (type === "main_frame") {
    return api.tabs.reload(tabId);
  }
  return api.scripting.executeScript({
    target: { tabId, frameIds: [frameId] },
    func: () => globalThis.location.reload(),
    injectImmediately: true,
  });
}

/** Images that could not be loaded are asked for again. */
function reloadImages({ tabId, frameId, url }) {
  return api.scripting.executeScript({
    target: { tabId, frameIds: [frameId] },
    args: [url],
    func: (wanted) => {
      for (const image of globalThis.document.images) {
        if (image.currentSrc === wanted && image.complete && image.naturalWidth === 0) {
          image.src = image.getAttribute("src");
        }
      }
    },
  });
}

/** Only for the website in the address bar: what others embed is none of a device's business. */
async function isOfTop({ tabId, url }) {
  const top = originOf((await api.tabs.get(tabId)).url);
  return top !== null && related(new URL(url).hostname, new URL(`https://${top}`).hostname);
}

async function answerNavigation(request, challenge, { authorize }) {
  const attempt = begin(request);
  const current = () => attempts.get(frameKey(request)) === attempt;
  if (request.type === "sub_frame" && !(await isOfTop(request))) {
    return;
  }
  const authorization = await authorize(request, challenge, true);
  if (authorization === null || !current()) {
    return;
  }
  const rule = await addRule(request, authorization);
  await attempt.arrival;
  await (current() ? reload(request) : removeRule(rule));
}

async function answerSubresource(request, challenge, { authorize }) {
  const mine = [...rules].filter((rule) => rule.tabId === request.tabId);
  if (mine.length >= RULES_PER_TAB_MAX || !(await isOfTop(request))) {
    return;
  }
  const authorization = await authorize(request, challenge, false);
  if (authorization !== null) {
    await addRule(request, authorization);
    if (request.type === "image") {
      await reloadImages(request);
    }
  }
}

function onHeaders(request, events) {
  if (carrying.delete(request.requestId)) {
    events.answered(request);
    return;
  }
  const challenge = request.statusCode === 401 ? challengeOf(request.responseHeaders) : null;
  if (challenge === null || request.tabId < 0 || request.documentLifecycle === "prerender") {
    return;
  }
  const answer = NAVIGATIONS.includes(request.type) ? answerNavigation : answerSubresource;
  answer(request, challenge, events).catch(() => {}); // The tab or frame has gone.
}

function onSend(request) {
  for (const rule of rules) {
    if (rule.tabId === request.tabId && rule.url === request.url && rule.type === request.type && request.method === "GET") {
      carrying.add(request.requestId);
      removeRule(rule);
      return;
    }
  }
}

export function start(events) {
  const urls = ["https://*/*"];
  api.webRequest.onBeforeRequest.addListener((request) => endAttempt(frameKey(request)), { urls, types: NAVIGATIONS });
  api.webRequest.onSendHeaders.addListener(onSend, { urls, types: TYPES });
  api.webRequest.onHeadersReceived.addListener((request) => onHeaders(request, events), { urls, types: TYPES }, ["responseHeaders"]);
  api.webRequest.onErrorOccurred.addListener((request) => carrying.delete(request.requestId), { urls, types: TYPES });
  for (const event of [api.webNavigation.onCommitted, api.webNavigation.onErrorOccurred]) {
    event.addListener((frame) => attempts.get(frameKey(frame))?.arrived(), { url: [{ schemes: ["https"] }] });
  }
}
