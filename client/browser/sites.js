// SPDX-License-Identifier: BSD-2-Clause
// What is kept: which websites are switched off (on disk, unless switched in a private window), and until the tab closes
// what happened in it (in memory).

import { api } from "./api.js";
import { originOf } from "./challenge.js";

const OFF = "off";
const tabKey = (tabId) => `tab ${tabId}`;
const area = (isPrivate) => (isPrivate ? api.storage.session : api.storage.local);

async function readOffList(isPrivate) {
  return (await area(isPrivate).get(OFF))[OFF] ?? [];
}

// Reading them takes longer than the agent takes for a token: they are kept until they change.
const offLists = new Map();
api.storage.onChanged.addListener((changes, areaName) => OFF in changes && offLists.delete(areaName === "session"));

function offList(isPrivate) {
  if (!offLists.has(isPrivate)) {
    offLists.set(isPrivate, readOffList(isPrivate));
  }
  return offLists.get(isPrivate);
}

/**
 * Whether the website is to be answered. A private window keeps to what ordinary windows have switched off, too; `isPrivate()`,
 * which may take its time, is called only if it matters.
 */
export async function isOn(origin, isPrivate) {
  return !(await offList(false)).includes(origin) && !((await offList(true)).includes(origin) && (await isPrivate()));
}

export async function setOn(origin, on, isPrivate) {
  const others = (await readOffList(isPrivate)).filter((other) => other !== origin);
  await area(isPrivate).set({ [OFF]: on ? others : [...others, origin] });
}

/** `{ origin, used, event, name, message }`, or undefined if nothing happened in the tab. */
export async function tabState(tabId) {
  return (await api.storage.session.get(tabKey(tabId)))[tabKey(tabId)];
}

const TROUBLES = ["refused", "failed", "often"];

/** The toolbar's button says so, or no longer does, if the website in front is the one with the trouble. */
async function showOnButton(tabId) {
  const state = await tabState(tabId);
  if (state === undefined) {
    return;
  }
  const trouble = TROUBLES.includes(state.event) && originOf((await api.tabs.get(tabId)).url ?? "") === state.origin;
  await api.action.setBadgeText({ tabId, text: trouble ? "!" : "" });
  // The same for those who do not see it.
  await api.action.setTitle({ tabId, title: api.i18n.getMessage(trouble ? "titleTrouble" : "name") });
}

// One change after another: each reads what the one before it wrote.
let changes = Promise.resolve();

/** Notes what happened: "answered", "refused", "failed", "off", "form" or "often". */
export function noteEvent(tabId, origin, event, error = null) {
  changes = changes
    .then(async () => {
      const before = await tabState(tabId);
      const used = before?.origin === origin ? before.used : 0;
      await api.storage.session.set({
        [tabKey(tabId)]: {
          origin,
          used: used + (event === "answered" ? 1 : 0),
          event,
          name: error?.name ?? "",
          message: error?.message ?? "",
        },
      });
      await showOnButton(tabId);
    })
    .catch(() => {}); // The tab has gone.
  return changes;
}

/** Another document may be in the tab, for which the browser has forgotten what the button said: troubles are noted before it is there. */
export function showAgain(tabId) {
  changes = changes.then(() => showOnButton(tabId)).catch(() => {}); // The tab has gone.
  return changes;
}

export function forgetTab(tabId) {
  changes = changes.then(() => api.storage.session.remove(tabKey(tabId))).catch(() => {});
  return changes;
}
