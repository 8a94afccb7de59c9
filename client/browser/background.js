// SPDX-License-Identifier: BSD-2-Clause
// The extension's background: what both browsers share. How an answer reaches the website is theirs: see answer.js, of
// which each browser has its own.

import { api } from "./api.js";
import { start } from "./answer.js";
import { originOf } from "./challenge.js";
import { Host } from "./host.js";
import { Refusals } from "./refusals.js";
import { forgetTab, isOn, noteEvent, showAgain } from "./sites.js";

const host = new Host((name) => api.runtime.connectNative(name));
const refusals = new Refusals();

/**
 * The Authorization value for one repetition of this request, or null, with the reason noted for the toolbar's page.
 * `request` is what webRequest tells of it; the origin is where it went, never what a page says.
 */
async function authorize(request, challenge, interactive) {
  const { tabId, url } = request;
  const origin = originOf(url);
  if (origin === null || tabId < 0) {
    return null;
  }
  if (request.method !== "GET") {
    await noteEvent(tabId, origin, "form");
    return null;
  }
  const isPrivate = async () => request.incognito ?? (await api.tabs.get(tabId)).incognito;
  if (!(await isOn(origin, isPrivate))) {
    await noteEvent(tabId, origin, "off");
    return null;
  }
  if (refusals.exhausted(origin, Date.now())) {
    await noteEvent(tabId, origin, "often");
    return null;
  }
  try {
    return (await host.ask({ method: "authorize", challenge, origin, interactive })).authorization;
  } catch (error) {
    await noteEvent(tabId, origin, "failed", error);
    return null;
  }
}

/** The answered request has its response. */
function answered({ tabId, url, statusCode }) {
  const origin = originOf(url);
  if (statusCode === 401) {
    refusals.note(origin, Date.now());
  }
  noteEvent(tabId, origin, statusCode === 401 ? "refused" : "answered");
}

start({ authorize, answered });

// Said as soon as the document is there, and when it is complete.
api.tabs.onUpdated.addListener((tabId, { status }) => status && showAgain(tabId));

api.tabs.onRemoved.addListener((tabId) => forgetTab(tabId));

// Only the toolbar's page asks: nothing else of this extension runs, and others' messages come by other events.
api.runtime.onMessage.addListener((message, sender, respond) => {
  if (sender.id !== api.runtime.id || message !== "status") {
    return false;
  }
  host.ask({ method: "status" }).then(
    (answer) => respond({ status: answer.status }),
    (error) => respond({ error: { name: error.name, message: error.message } }),
  );
  return true;
});
