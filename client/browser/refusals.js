// SPDX-License-Identifier: BSD-2-Clause
// A website that asks, refuses and sends the page around again must not use up tokens for ever.

export const REFUSALS_MAX = 3;
export const REFUSALS_WITHIN_MS = 60_000;

export class Refusals {
  #times = new Map();

  #recent(origin, now) {
    const recent = (this.#times.get(origin) ?? []).filter((time) => now - time < REFUSALS_WITHIN_MS);
    if (recent.length > 0) {
      this.#times.set(origin, recent);
    } else {
      this.#times.delete(origin);
    }
    return recent;
  }

  /** A token that was sent to this website did not open it. */
  note(origin, now) {
    this.#times.set(origin, [...this.#recent(origin, now), now].slice(-REFUSALS_MAX));
  }

  /** Whether to leave this website alone for now. */
  exhausted(origin, now) {
    return this.#recent(origin, now).length >= REFUSALS_MAX;
  }
}
