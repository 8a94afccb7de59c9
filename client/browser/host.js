// SPDX-License-Identifier: BSD-2-Clause
// attester-native-host: one process while there is something to ask, questions matched to answers by number.

export const HOST_NAME = "org.attesterd.native_host";
export const ANSWER_WITHIN_MS = 70_000;
export const IDLE_MS = 20_000;

/** Why there is no answer: `name` is the agent's or one of HostMissing, HostSilent. */
export class HostError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

export class Host {
  #connect;
  #port = null;
  #number = 0;
  #waiting = new Map();
  #idle = null;

  /** `connect` opens a port, as runtime.connectNative() does. */
  constructor(connect) {
    this.#connect = connect;
  }

  /** Resolves to the whole answer, or rejects with a HostError. */
  ask(question) {
    return new Promise((resolve, reject) => {
      this.#number += 1;
      const id = this.#number;
      const timer = setTimeout(() => this.#settle(id, null), ANSWER_WITHIN_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      clearTimeout(this.#idle);
      try {
        this.#open().postMessage({ id, ...question });
      } catch (error) {
        this.#closed(error.message);
      }
    });
  }

  #open() {
    if (this.#port === null) {
      const port = this.#connect(HOST_NAME);
      port.onMessage.addListener((answer) => this.#settle(answer.id, answer));
      port.onDisconnect.addListener((gone) => this.#closed(gone?.error?.message ?? globalThis.chrome?.runtime?.lastError?.message));
      this.#port = port;
    }
    return this.#port;
  }

  #settle(id, answer) {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      return;
    }
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (answer === null) {
      waiting.reject(new HostError("HostSilent", ""));
    } else if (answer.error) {
      waiting.reject(new HostError(answer.error.name, answer.error.message));
    } else {
      waiting.resolve(answer);
    }
    if (this.#waiting.size === 0) {
      this.#idle = setTimeout(() => this.#close(), IDLE_MS);
    }
  }

  #close() {
    this.#port?.disconnect();
    this.#port = null;
  }

  #closed(reason) {
    this.#port = null;
    clearTimeout(this.#idle);
    for (const [id, { reject, timer }] of this.#waiting) {
      this.#waiting.delete(id);
      clearTimeout(timer);
      reject(new HostError("HostMissing", reason ?? ""));
    }
  }
}
