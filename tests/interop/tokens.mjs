// SPDX-License-Identifier: BSD-2-Clause
// Type 0x0001 and batched issuance, @cloudflare/privacypass-ts on one side and ours (tests/token/tool.c) on the other.
//
//   tokens.mjs TOOL    exit status 77, "skipped", if the package is not installed (npm ci in this folder)

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";

// Node.js 18, which Debian 12 has, does not put it there itself.
globalThis.crypto ??= webcrypto;

let theirs;
try {
  theirs = await import("@cloudflare/privacypass-ts");
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error("privacypass-ts is not installed");
  process.exit(77);
}
const { TOKEN_TYPES, TokenChallenge, genericBatched, privateVerif, publicVerif } = theirs;
const { BlindRSAMode, getPublicKeyBytes } = publicVerif;

const VOPRF = TOKEN_TYPES.VOPRF.value;
const RSA = TOKEN_TYPES.BLIND_RSA.value;
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"));
const typeHex = (type) => type.toString(16).padStart(4, "0");

// Ours: one command, one line.
const tool = spawn(process.argv[2], [], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: tool.stdout })[Symbol.asyncIterator]();
async function ours(...words) {
  tool.stdin.write(`${words.join(" ")}\n`);
  const { value, done } = await lines.next();
  if (done) throw new Error("the tool ended");
  if (value.startsWith("error ")) throw new Error(value);
  return value;
}

const makeChallenge = (type) =>
  new TokenChallenge(type, "issuer.example", webcrypto.getRandomValues(new Uint8Array(32)), ["origin.example"]);

async function theirRsaIssuer() {
  const pair = await publicVerif.Issuer.generateKey(BlindRSAMode.PSS, { modulusLength: 2048, publicExponent: Uint8Array.from([1, 0, 1]) });
  return { issuer: new publicVerif.Issuer(BlindRSAMode.PSS, "peer", pair.privateKey, pair.publicKey), key: await getPublicKeyBytes(pair.publicKey) };
}

async function theirVoprfIssuer() {
  const pair = await privateVerif.keyGen();
  return { issuer: new privateVerif.Issuer("peer", pair.privateKey, pair.publicKey), key: pair.publicKey };
}

const makeClient = (type) => (type === VOPRF ? new privateVerif.Client() : new publicVerif.Client(BlindRSAMode.PSS));

// What our client made of their answer is genuine to them.
async function theyVerify(type, issuer, token) {
  if (type !== VOPRF) return;
  const parsed = theirs.Token.deserialize(privateVerif.VOPRF, bytes(token));
  assert.equal(await issuer.verify(parsed), true);
  parsed.authenticator[0] ^= 1;
  assert.equal(await issuer.verify(parsed), false);
}

const cases = {
  async "their client, our issuer, 0x0001"() {
    const challenge = makeChallenge(VOPRF);
    const client = makeClient(VOPRF);
    const key = await ours("key", typeHex(VOPRF));
    const request = await client.createTokenRequest(challenge, bytes(key));
    const response = await ours("evaluate", hex(request.serialize()));
    const token = await client.finalize(client.deserializeTokenResponse(bytes(response)));
    assert.equal(await ours("verify", hex(token.serialize()), hex(challenge.serialize())), "valid");
  },

  async "their client refuses a proof of ours for another key, 0x0001"() {
    const client = makeClient(VOPRF);
    const [key, other] = [await ours("key", typeHex(VOPRF)), await ours("key", typeHex(VOPRF))];
    const request = (await client.createTokenRequest(makeChallenge(VOPRF), bytes(key))).serialize();
    const digest = new Uint8Array(await webcrypto.subtle.digest("SHA-256", bytes(other)));
    request[2] = digest[31];
    const response = await ours("evaluate", hex(request));
    await assert.rejects(client.finalize(client.deserializeTokenResponse(bytes(response))));
  },

  async "our client, their issuer, 0x0001"() {
    const { issuer, key } = await theirVoprfIssuer();
    const challenge = hex(makeChallenge(VOPRF).serialize());
    const request = await ours("blind", typeHex(VOPRF), hex(key), challenge);
    const response = await issuer.issue(privateVerif.TokenRequest.deserialize(bytes(request)));
    await theyVerify(VOPRF, issuer, await ours("finalize", hex(response.serialize())));
  },

  async "our client refuses a proof of theirs for another key, 0x0001"() {
    const [{ key }, other] = [await theirVoprfIssuer(), await theirVoprfIssuer()];
    const request = await ours("blind", typeHex(VOPRF), hex(key), hex(makeChallenge(VOPRF).serialize()));
    const response = await other.issuer.issue(privateVerif.TokenRequest.deserialize(bytes(request)));
    await assert.rejects(ours("finalize", hex(response.serialize())), /proof does not verify/);
  },

  async "their batch of both types, our issuer; one key unknown"() {
    const types = [VOPRF, RSA, VOPRF, RSA];
    const clients = types.map(makeClient);
    const challenges = types.map(makeChallenge);
    const stranger = await theirVoprfIssuer();
    const requests = [];
    for (const [i, type] of types.entries()) {
      const key = i === 2 ? stranger.key : bytes(await ours("key", typeHex(type)));
      requests.push(new genericBatched.TokenRequest(await clients[i].createTokenRequest(challenges[i], key)));
    }
    const batch = new genericBatched.Client().createTokenRequest(requests).serialize();
    const [issued, answer] = (await ours("evaluate-batch", hex(batch))).split(" ");
    const responses = [...new genericBatched.Client().deserializeTokenResponse(bytes(answer))];
    assert.equal(responses.length, types.length);
    // A truncated key id is one byte: the stranger's key may by chance have that of one of ours.
    assert.equal(responses.filter((response) => response.tokenResponse !== null).length, Number(issued));
    for (const [i] of types.entries()) {
      if (i === 2) {
        if (responses[i].tokenResponse !== null) await assert.rejects(clients[i].finalize(responses[i].tokenResponse));
        continue;
      }
      const token = await clients[i].finalize(responses[i].tokenResponse);
      assert.equal(await ours("verify", hex(token.serialize()), hex(challenges[i].serialize())), "valid");
    }
  },

  async "our batch of both types, their issuer; one key unknown"() {
    const [voprf, rsa, stranger] = [await theirVoprfIssuer(), await theirRsaIssuer(), await theirVoprfIssuer()];
    const last = async (key) => new Uint8Array(await webcrypto.subtle.digest("SHA-256", key))[31];
    const unknown = (await last(stranger.key)) !== (await last(voprf.key));
    const keys = [[RSA, rsa], [VOPRF, voprf], [VOPRF, unknown ? stranger : voprf], [RSA, rsa]];
    const requests = [];
    for (const [type, { key }] of keys)
      requests.push(await ours("blind", typeHex(type), hex(key), hex(makeChallenge(type).serialize())));
    const batch = genericBatched.BatchedTokenRequest.deserialize(bytes(await ours("batch", ...requests)));
    const quiet = console.log; // they print each refusal
    console.log = () => {};
    const response = await new genericBatched.Issuer(voprf.issuer, rsa.issuer).issue(batch);
    console.log = quiet;
    const tokens = (await ours("finalize-batch", hex(response.serialize()))).split(" ");
    assert.deepEqual(tokens.map((token) => token !== "-"), [true, true, !unknown, true]);
    await theyVerify(VOPRF, voprf.issuer, tokens[1]);
  },
};

const deadline = setTimeout(() => {
  console.error("not within 60 s");
  process.exit(1);
}, 60_000);
let failures = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok - ${name}`);
  } catch (error) {
    failures++;
    console.log(`not ok - ${name}: ${error.stack}`);
  }
}
clearTimeout(deadline);
tool.stdin.end();
process.exitCode = failures === 0 ? 0 : 1;
