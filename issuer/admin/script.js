/* SPDX-License-Identifier: BSD-2-Clause */
// Conveniences; every page does all that it does without them.
"use strict";

// "/" goes to the search, as in other tools.
document.addEventListener("keydown", (event) => {
  const search = document.querySelector("input[type=search]");
  const writing = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (event.key === "/" && search && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.select();
  }
});

// Times say on their tooltip what they are on this machine's clock.
for (const time of document.querySelectorAll("time")) {
  time.title += ` · here ${new Date(time.dateTime).toLocaleString()}`;
}

// One click changes once.
for (const form of document.querySelectorAll("form.confirm")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) {
      button.disabled = true;
    }
  });
}
