// SPDX-License-Identifier: BSD-2-Clause
// What the toolbar's page says. Pure: `text(key, ...values)` gives a sentence in the person's language.

// What goes wrong between the browser and the agent; whatever else goes wrong, the agent has a sentence for.
const HOST_ERRORS = ["HostMissing", "HostSilent"];

function why(name, message, text) {
  return HOST_ERRORS.includes(name) ? text(`error${name}`) : message || text("errorUnknown", name);
}

function sentence(message) {
  const first = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** Of what happened in a tab: `{ line, remedy, good }`. */
export function siteLines(state, text) {
  if (state === undefined) {
    return { line: text("siteNothing") };
  }
  switch (state.event) {
    case "answered":
      return { line: state.used === 1 ? text("siteUsedOne") : text("siteUsed", String(state.used)), good: true };
    case "failed":
      return { line: text("siteFailed"), remedy: sentence(why(state.name, state.message, text)), good: false };
    case "refused":
      return { line: text("siteRefused"), remedy: text("siteRefusedRemedy"), good: false };
    case "often":
      return { line: text("siteOften"), remedy: text("siteOftenRemedy"), good: false };
    case "form":
      return { line: text("siteForm"), remedy: text("siteFormRemedy"), good: false };
    default:
      return { line: text("siteOff") };
  }
}

/** Of the background's answer to "status". */
export function deviceLines({ status, error }, text) {
  if (error) {
    return { line: text("deviceUnknown"), remedy: sentence(why(error.name, error.message, text)), good: false };
  }
  if (status.daemon !== "ready") {
    return { line: text("deviceNotReady"), remedy: sentence(status.daemon), good: false };
  }
  if (status["last-refusal"]) {
    return { line: text("deviceRefused"), remedy: sentence(status["last-refusal-message"]), good: false };
  }
  const kept = status["cached-tokens"];
  return { line: kept > 0 ? text("deviceReadyKept", String(kept)) : text("deviceReady"), good: true };
}
