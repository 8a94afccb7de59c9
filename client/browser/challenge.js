// SPDX-License-Identifier: BSD-2-Clause
// What a response asks for, and whether it may be answered. Pure functions, of the request as the browser reports it.

/** Longer ones are nobody's: attester-agent takes no more either. */
export const CHALLENGE_LENGTH_MAX = 16_384;

/** The values of all WWW-Authenticate fields, joined as HTTP allows, if one of them asks for a PrivateToken; else null. */
export function challengeOf(responseHeaders) {
  const value = (responseHeaders ?? [])
    .filter((header) => header.name.toLowerCase() === "www-authenticate" && typeof header.value === "string")
    .map((header) => header.value)
    .join(", ");
  return value.length <= CHALLENGE_LENGTH_MAX && /(^|,)\s*PrivateToken\s/i.test(value) ? value : null;
}

/** The host that a URL connects to, with ":port" unless 443; null unless it is https. */
export function originOf(url) {
  try {
    const { protocol, host } = new URL(url);
    return protocol === "https:" ? host : null;
  } catch {
    return null;
  }
}

/** Whether one host is the other, or a name below it. Cookies' idea of a site needs a list that extensions do not have. */
export function related(host, topHost) {
  return host === topHost || host.endsWith(`.${topHost}`) || topHost.endsWith(`.${host}`);
}

/** A condition of declarativeNetRequest that this URL alone meets. */
export function exactly(url) {
  if (/[*^|]/.test(url)) {
    return { regexFilter: `^${url.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`, isUrlFilterCaseSensitive: true };
  }
  return { urlFilter: `|${url}|`, isUrlFilterCaseSensitive: true };
}
