// SPDX-License-Identifier: BSD-2-Clause
// Firefox: a 401 is held up until there is a token, then the request goes to the same URL again, with the token, before
// the page learns of anything. Requests of all kinds are served.

import { api } from "./api.js";
import { challengeOf } from "./challenge.js";

const FILTER = { urls: ["https://*/*"] };

/** By request: the URL and the Authorization value of its repetition; null when it has been sent. */
const repetitions = new Map();

/** Adds the token to the one repetition, and takes it off whatever a redirect makes of it. */
function onSend(request) {
  const repetition = repetitions.get(request.requestId);
  if (repetition === undefined) {
    return {};
  }
  const isOurs = (header) => header.name.toLowerCase() === "authorization" && /^PrivateToken\s/i.test(header.value ?? "");
  const requestHeaders = request.requestHeaders.filter((header) => !isOurs(header));
  if (repetition !== null && repetition.url === request.url) {
    requestHeaders.push({ name: "Authorization", value: repetition.authorization });
  }
  repetitions.set(request.requestId, null);
  return { requestHeaders };
}

/** Listened to only while there is a repetition: all other requests go their way undisturbed. */
function expect(request, authorization) {
  repetitions.set(request.requestId, { url: request.url, authorization });
  if (repetitions.size === 1) {
    api.webRequest.onBeforeSendHeaders.addListener(onSend, FILTER, ["blocking", "requestHeaders"]);
  }
}

function forget(request) {
  if (repetitions.delete(request.requestId) && repetitions.size === 0) {
    api.webRequest.onBeforeSendHeaders.removeListener(onSend);
  }
}

async function repeat(request, challenge, { authorize }) {
  const interactive = request.type === "main_frame" || request.type === "sub_frame";
  const authorization = await authorize(request, challenge, interactive);
  if (authorization === null) {
    return {};
  }
  expect(request, authorization);
  return { redirectUrl: request.url };
}

function onHeaders(request, events) {
  if (repetitions.has(request.requestId)) {
    events.answered(request);
    return {};
  }
  const challenge = request.statusCode === 401 ? challengeOf(request.responseHeaders) : null;
  // Only for the website in the address bar: what others embed is none of a device's business.
  return challenge === null || request.thirdParty ? {} : repeat(request, challenge, events);
}

export function start(events) {
  api.webRequest.onHeadersReceived.addListener((request) => onHeaders(request, events), FILTER, ["blocking", "responseHeaders"]);
  api.webRequest.onCompleted.addListener(forget, FILTER);
  api.webRequest.onErrorOccurred.addListener(forget, FILTER);
}
