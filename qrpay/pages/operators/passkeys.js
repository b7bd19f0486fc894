// Passkeys: what the server asks for, handed to the browser, and its answer brought back; all bytes as base64url.
import { base64url } from "../lib/codes.js";
import { t } from "../lib/lang.js";

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}

function told(buffer) {
  return base64url(new Uint8Array(buffer));
}

/** The browser's answer; when the person stops, or it has none, one sentence says so. */
async function answered(asking) {
  try {
    return await asking;
  } catch (reason) {
    throw Object.assign(new Error(t("op_passkey_stopped")), { cause: reason });
  }
}

/** Sign in by a passkey; gives who is signed in. */
export async function signInByPasskey(api) {
  const { options } = await api.post("/v1/operators/passkey-challenges");
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: [] };
  const { rawId, response } = await answered(navigator.credentials.get({ publicKey }));
  return api.post("/v1/operators/passkey-sessions", {
    id: told(rawId), client_data: told(response.clientDataJSON), authenticator_data: told(response.authenticatorData),
    signature: told(response.signature),
  });
}

/** Make a passkey for whoever is signed in. */
export async function addPasskey(api, name) {
  const { options } = await api.post("/v1/operators/passkeys/offers");
  const known = (options.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const publicKey = {
    ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: known,
  };
  const { rawId, response } = await answered(navigator.credentials.create({ publicKey }));
  return api.post("/v1/operators/passkeys", {
    name, id: told(rawId), client_data: told(response.clientDataJSON), attestation: told(response.attestationObject),
  });
}
