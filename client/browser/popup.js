// SPDX-License-Identifier: BSD-2-Clause
// The toolbar's page: what happened at the website in front, a switch for it, and how the device is.

import { api } from "./api.js";
import { originOf } from "./challenge.js";
import { deviceLines, siteLines } from "./report.js";
import { isOn, setOn, tabState } from "./sites.js";

const element = (id) => document.getElementById(id);
const text = (key, ...values) => api.i18n.getMessage(key, values);

/** Fills a line and, below it, what can be done or was. */
function show(id, { line, remedy, note, good }) {
  element(id).textContent = line;
  element(id).classList.toggle("good", good === true);
  element(id).classList.toggle("bad", good === false);
  const more = element(`${id}-more`);
  more.textContent = remedy ?? note ?? "";
  more.className = remedy ? "remedy" : "note";
  more.hidden = more.textContent === "";
}

async function showSite(tab) {
  const origin = originOf(tab?.url ?? "");
  element("site").textContent = origin ?? text("noSite");
  if (origin === null) {
    show("here", { line: text("noSiteWhy") });
    return;
  }
  const showState = async () => {
    const state = await tabState(tab.id);
    show("here", siteLines(state?.origin === origin ? state : undefined, text));
  };
  await showState();
  api.storage.session.onChanged.addListener(showState);
  element("on").checked = await isOn(origin, () => tab.incognito);
  element("switch").hidden = false;
  element("on").addEventListener("change", async () => {
    await setOn(origin, element("on").checked, tab.incognito);
    element("reload").textContent = text(element("on").checked ? "switchedOn" : "switchedOff");
  });
}

/** What the website's lines say already is not said again. */
async function showDevice(siteShown) {
  show("device", { line: text("deviceAsking") });
  const [answer] = await Promise.all([api.runtime.sendMessage("status"), siteShown]);
  show("device", deviceLines(answer, text, element("here-more").textContent));
}

document.documentElement.lang = api.i18n.getUILanguage();
document.title = text("name");
element("switch-label").textContent = text("switchLabel");
element("device-title").textContent = text("deviceTitle");
const [tab] = await api.tabs.query({ active: true, currentWindow: true });
await showDevice(showSite(tab));
