// SPDX-License-Identifier: BSD-2-Clause
// Firefox calls the extension API `browser`, and so do newer versions of Chromium.

export const api = globalThis.browser ?? globalThis.chrome;
