// SPDX-License-Identifier: BSD-2-Clause
// @cloudflare/privacypass-ts as client, issuer and origin, one role a command, so that tests can set each against ours.
//
//   peer.mjs client WWW-AUTHENTICATE [TYPE]     takes a token from the challenge's issuer; prints the Authorization value
//   peer.mjs batch WWW-AUTHENTICATE...          takes a token for each challenge, all in one batch; prints the values by line
//   peer.mjs issuer CERTIFICATE KEY PORT-FILE   an HTTPS issuer that knows nothing of attestation; serves until SIGTERM
//   peer.mjs batches CERTIFICATE KEY PORT-FILE  the same for tokens of both types and batches
//   peer.mjs challenge ISSUER ORIGIN SPKI       prints a WWW-Authenticate value; SPKI in base64url
//   peer.mjs verify AUTHORIZATION SPKI          prints "valid" or "invalid"
//   peer.mjs times WWW-AUTHENTICATE...          takes a token for each, one after another; prints the milliseconds of each as JSON

import { createServer } from "node:https";
import { readFileSync, writeFileSync, renameSync } from "node:fs";
import { webcrypto } from "node:crypto";

// Node.js 18, which Debian 12 has, does not put it there itself.
globalThis.crypto ??= webcrypto;

const {
  AuthorizationHeader, MediaType, PRIVATE_TOKEN_ISSUER_DIRECTORY, TOKEN_TYPES, WWWAuthenticateHeader, fetchToken, genericBatched,
  getIssuerUrl, privateVerif, publicVerif,
} = await import("@cloudflare/privacypass-ts");
const { BlindRSAMode, Client, Issuer, Origin, TokenRequest, convertRSASSAPSSToEnc, getPublicKeyBytes } = publicVerif;

const BODY_BYTES_MAX = 8192;
const ALGORITHM = { name: "RSA-PSS", hash: "SHA-384" };

const fromBase64url = (text) => new Uint8Array(Buffer.from(text, "base64url"));

const makeClient = (type) => (type === TOKEN_TYPES.VOPRF.value ? new privateVerif.Client() : new Client(BlindRSAMode.PSS));

async function client(header, type = TOKEN_TYPES.BLIND_RSA.value) {
  const challenge = WWWAuthenticateHeader.parse(header).find((one) => one.challenge.tokenType === Number(type));
  return (await fetchToken(makeClient(Number(type)), challenge)).toString();
}

async function batch(...headers) {
  const challenges = headers.flatMap((header) => WWWAuthenticateHeader.parse(header));
  const clients = challenges.map((one) => makeClient(one.challenge.tokenType));
  const requests = [];
  for (const [i, one] of challenges.entries())
    requests.push(new genericBatched.TokenRequest(await clients[i].createTokenRequest(one.challenge, one.tokenKey)));
  const response = await fetch(await getIssuerUrl(challenges[0].challenge.issuerName), {
    method: "POST",
    headers: { "Content-Type": MediaType.GENERIC_BATCHED_TOKEN_REQUEST, Accept: MediaType.GENERIC_BATCHED_TOKEN_RESPONSE },
    body: new genericBatched.Client().createTokenRequest(requests).serialize(),
  });
  if (response.status !== 200 || response.headers.get("Content-Type") !== MediaType.GENERIC_BATCHED_TOKEN_RESPONSE)
    throw new Error(`the issuer answered ${response.status}: ${await response.text()}`);
  const answers = [...new genericBatched.Client().deserializeTokenResponse(new Uint8Array(await response.arrayBuffer()))];
  if (answers.length !== challenges.length) throw new Error(`${answers.length} answers to ${challenges.length} requests`);
  const tokens = await Promise.all(answers.map((answer, i) => clients[i].finalize(answer.tokenResponse)));
  return tokens.map((token) => new AuthorizationHeader(token).toString()).join("\n");
}

async function times(...headers) {
  const taken = [];
  for (const header of headers) {
    const started = performance.now();
    await client(header);
    taken.push(performance.now() - started);
  }
  return JSON.stringify(taken);
}

async function readBody(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > BODY_BYTES_MAX) throw new Error("body too large");
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

// An issuer of their library, and its row of a directory.
async function makeBlindRSAIssuer() {
  const pair = await Issuer.generateKey(BlindRSAMode.PSS, { modulusLength: 2048, publicExponent: Uint8Array.from([1, 0, 1]) });
  const spki = await getPublicKeyBytes(pair.publicKey);
  return [new Issuer(BlindRSAMode.PSS, "peer", pair.privateKey, pair.publicKey),
    { "token-type": TOKEN_TYPES.BLIND_RSA.value, "token-key": Buffer.from(spki).toString("base64url") }];
}

async function makeVOPRFIssuer() {
  const pair = await privateVerif.keyGen();
  return [new privateVerif.Issuer("peer", pair.privateKey, pair.publicKey),
    { "token-type": TOKEN_TYPES.VOPRF.value, "token-key": Buffer.from(pair.publicKey).toString("base64url") }];
}

// The answer to a body of that media type, and its own; null if this issuer does not take it.
async function issueOne(own, type, body) {
  if (type !== MediaType.PRIVATE_TOKEN_REQUEST) return null;
  return [(await own.issue(TokenRequest.deserialize(TOKEN_TYPES.BLIND_RSA, body))).serialize(), MediaType.PRIVATE_TOKEN_RESPONSE];
}

async function issueBatch(own, type, body) {
  if (type !== MediaType.GENERIC_BATCHED_TOKEN_REQUEST) return null;
  const answers = await own.issue(genericBatched.BatchedTokenRequest.deserialize(body));
  return [answers.serialize(), MediaType.GENERIC_BATCHED_TOKEN_RESPONSE];
}

async function issuer(...files) {
  const [own, row] = await makeBlindRSAIssuer();
  return serve(files, [row], (type, body) => issueOne(own, type, body));
}

async function batches(...files) {
  const made = [await makeVOPRFIssuer(), await makeBlindRSAIssuer()];
  const own = new genericBatched.Issuer(...made.map(([one]) => one));
  return serve(files, made.map(([, row]) => row), (type, body) => issueBatch(own, type, body));
}

function serve([certificate, key, portFile], keys, issue) {
  const directory = JSON.stringify({ "issuer-request-uri": "/request", "token-keys": keys });

  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
    try {
      if (request.url === PRIVATE_TOKEN_ISSUER_DIRECTORY) {
        response.writeHead(200, { "Content-Type": MediaType.PRIVATE_TOKEN_ISSUER_DIRECTORY }).end(directory);
        return;
      }
      // What this issuer does not know must not be sent to it.
      if ("attestation-evidence" in request.headers) throw new Error("evidence was sent unasked");
      const answer = request.url === "/request" && (await issue(request.headers["content-type"], await readBody(request)));
      if (answer) response.writeHead(200, { "Content-Type": answer[1] }).end(Buffer.from(answer[0]));
      else response.writeHead(404).end();
    } catch (error) {
      response.writeHead(400, { "Content-Type": "text/plain" }).end(String(error));
    }
  });
  server.listen(0, "127.0.0.1", () => {
    writeFileSync(`${portFile}.new`, `${server.address().port}\n`);
    renameSync(`${portFile}.new`, portFile);
  });
  process.on("SIGTERM", () => process.exit(0));
  return new Promise(() => {});
}

async function challenge(issuerName, origin, key) {
  const context = webcrypto.getRandomValues(new Uint8Array(32));
  const made = new Origin(BlindRSAMode.PSS, [origin]).createTokenChallenge(issuerName, context);
  return new WWWAuthenticateHeader(made, fromBase64url(key)).toString(true);
}

async function verify(header, key) {
  const [authorization] = AuthorizationHeader.parse(TOKEN_TYPES.BLIND_RSA, header);
  const imported = await webcrypto.subtle.importKey("spki", convertRSASSAPSSToEnc(fromBase64url(key)), ALGORITHM, true, ["verify"]);
  return (await new Origin(BlindRSAMode.PSS).verify(authorization.token, imported)) ? "valid" : "invalid";
}

const roles = { client, batch, issuer, batches, challenge, verify, times };
const [role, ...rest] = process.argv.slice(2);
if (!(role in roles)) {
  console.error("usage: peer.mjs client|batch|issuer|batches|challenge|verify|times ...");
  process.exit(2);
}
try {
  console.log(await roles[role](...rest));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
