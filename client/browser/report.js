// SPDX-License-Identifier: BSD-2-Clause
// What the toolbar's page says. Pure: `text(key, ...values)` gives a sentence in the person's language.

// What goes wrong between the browser and the agent; whatever else goes wrong, the agent has a sentence for.
const HOST_ERRORS = ["HostMissing", "HostSilent"];

function why(name, message, text) {
  return HOST_ERRORS.includes(name) ? text(`error${name}`) : message || text("errorUnknown", name);
}

function sentence(message) {
  // Our programs' names are written as they are.
  const first = message.startsWith("attest") ? message : message.charAt(0).toUpperCase() + message.slice(1);
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

/** What follows a prefix, as in "unavailable: locked out"; null without it. */
function after(prefix, state) {
  return state?.startsWith(prefix) ? state.slice(prefix.length) : null;
}

/**
 * Of the background's answer to "status": `{ line, remedy, good }`; what is no trouble any more is no `remedy` but a `note`, left
 * out if the website's lines have just `said` it.
 */
export function deviceLines({ status, error }, text, said) {
  const bad = (key, message) => ({ line: text(key), remedy: sentence(message), good: false });
  if (error) {
    return bad("deviceUnknown", why(error.name, error.message, text));
  }
  if (status.daemon !== "ready") {
    return bad("deviceNotReady", status.daemon);
  }
  const tpm = after("unavailable: ", status["tpm-state"]);
  const sealed = after("sealed: ", status["seal-state"]);
  if (tpm !== null || sealed !== null) {
    return tpm !== null ? bad("deviceTpm", tpm) : bad("deviceSealed", sealed);
  }
  const kept = status["cached-tokens"];
  const refusal = status["last-refusal"] && sentence(status["last-refusal-message"]);
  return {
    line: kept > 0 ? text("deviceReadyKept", String(kept)) : text("deviceReady"),
    note: refusal && refusal !== said ? text("deviceRefused", refusal) : undefined,
    good: true,
  };
}
