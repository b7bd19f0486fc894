// What a code or a receipt says, and whether its signature holds: checked on this device, with the public keys alone.
// Layout: EMV QRCPS MPM, templates 26 (ours), 80 (key id, expiry), 81 and 82 (Ed25519 signature); a receipt is a JWS.
// A code that a terminal signed without a network carries its certificate in 80/03, 83 and 84 (qrpay/codes/offline.py).
import { amountOfEmv, currencyOfNumber } from "./money.js";

const LENGTH_MAX = 512;
const PREFIX = "qrpay-code-v1\n";
const CERTIFIED = "qrpay-terminal-v1\n";
export const OFFLINE = "qrpay-offline-v1\n";
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const utf8 = new TextEncoder();

class Malformed extends Error {}

/** base64url without padding to bytes; throws Malformed. */
function bytesOf(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Malformed("base64url");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Bytes as base64url without padding. */
export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** 22 characters of base64url over 16 bytes, as codes carry ids, to `prefix` and 26 characters of Crockford base32. */
export function idOf(prefix, text) {
  let number = bytesOf(text).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let digits = "";
  for (let place = 0; place < 26; place += 1) {
    digits = CROCKFORD[Number(number & 31n)] + digits;
    number >>= 5n;
  }
  return prefix + digits;
}

/** CRC-16 of EMV (ISO/IEC 13239: polynomial 1021, init FFFF) over UTF-8, as four hex digits. */
export function crcOf(text) {
  let crc = 0xffff;
  for (const byte of utf8.encode(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc.toString(16).toUpperCase().padStart(4, "0");
}

/** Objects of one level, in order: [{id, value, at}]; lengths count characters (EMV QRCPS MPM 3.2). */
function objectsOf(text) {
  const characters = [...text];
  const found = [];
  for (let at = 0; at < characters.length; ) {
    const head = characters.slice(at, at + 4).join("");
    if (!/^[0-9]{4}$/.test(head)) throw new Malformed("length");
    const [id, size] = [head.slice(0, 2), Number(head.slice(2))];
    const value = characters.slice(at + 4, at + 4 + size);
    if (size === 0 || value.length < size) throw new Malformed("length");
    if (found.some((other) => other.id === id)) throw new Malformed("twice");
    found.push({ id, value: value.join(""), at: characters.slice(0, at).join("").length });
    at += 4 + size;
  }
  return found;
}

/** Whether a scanned text looks like an EMV code, a receipt, digits of a payment code, or something else. */
export function kindOf(text) {
  if (text.startsWith("000201")) return "emv";
  if (/^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text)) return "receipt";
  if (/^[0-9]{16,24}$/.test(text)) return "digits";
  return "other";
}

/** Parse an EMV code strictly; throws Malformed. Gives the parts people and the signature check need. */
export function parse(text) {
  if (text.length > LENGTH_MAX) throw new Malformed("long");
  const objects = objectsOf(text);
  const last = objects.at(-1);
  if (objects[0]?.id !== "00" || last.id !== "63" || last.value !== crcOf(text.slice(0, -4))) throw new Malformed("crc");
  const root = new Map(objects.map(({ id, value }) => [id, value]));
  const inside = (id) => new Map(root.has(id) ? objectsOf(root.get(id)).map((one) => [one.id, one.value]) : []);
  const [ours, more, control] = [inside("26"), inside("62"), inside("80")];
  const currency = currencyOfNumber(root.get("53") ?? "");
  return {
    guid: ours.get("00"),
    merchant: ours.get("01"),
    name: root.has("64") ? inside("64").get("01") ?? root.get("59") : root.get("59"),
    city: root.get("60"),
    currency,
    amount: currency ? amountOfEmv(root.get("54"), currency) : null,
    dynamic: root.get("01") === "12",
    order: root.get("01") === "12" ? more.get("05") : undefined,
    key: control.get("01"),
    expires: control.has("02") ? Number(control.get("02")) : null,
    signed: control.get("00") === ours.get("00") ? signedPart(text, objects, control.has("03") ? OFFLINE : PREFIX) : null,
    certificate: control.has("03") ? certificateOf(text, objects, more.get("07"), [control.get("03"), inside("83").get("01"), inside("84").get("01")]) : null,
  };
}

/** What the bank certified of the terminal's key: 32 bytes public, 4 until, 2 limit, 64 our signature over head and place. */
function certificateOf(text, objects, terminal, parts) {
  const raw = bytesOf(parts.filter(Boolean).join(""));
  const amount = objects.find((one) => one.id === "54");
  if (raw.length !== 102 || !terminal || !amount) throw new Malformed("certificate");
  const head = utf8.encode(`${CERTIFIED}${text.slice(0, amount.at)}07${String(terminal.length).padStart(2, "0")}${terminal}`);
  const message = new Uint8Array([...head, ...raw.slice(0, 38)]);
  return { x: base64url(raw.slice(0, 32)), until: new DataView(raw.buffer).getUint32(32), message, signature: raw.slice(38) };
}

function signedPart(text, objects, prefix) {
  const ids = objects.map((one) => one.id);
  // Whatever stood between 82 and 63 would be unsigned, so the three must be the last, side by side.
  if (ids.slice(-3).join() !== "81,82,63") return null;
  const halves = objects.slice(-3, -1).map((one) => new Map(objectsOf(one.value).map((part) => [part.id, part.value])));
  if (halves[0].get("01")?.length !== 60 || halves[1].get("01")?.length !== 26) return null;
  return {
    message: utf8.encode(prefix + text.slice(0, objects.at(-3).at)),
    signature: bytesOf(halves[0].get("01") + halves[1].get("01")),
  };
}

/**
 * Check a code on this device. Gives {verdict, code}: `holds`, `fails`, `expired`, `unsigned` (not ours or no
 * signature), `unknown_key`, `malformed`, or `unchecked` (this browser has no Ed25519, or no keys are here yet).
 */
export async function verifyCode(text, keys, nowSeconds = Date.now() / 1000) {
  let code;
  try {
    code = parse(text);
  } catch {
    return { verdict: "malformed", code: null };
  }
  if (!code.signed || !code.key) return { verdict: "unsigned", code };
  const purpose = code.certificate ? "terminal" : code.dynamic ? "code" : "static";
  let key = await keys.find(code.key, purpose);
  if (code.certificate) {
    const certified = await check(code.certificate.message, code.certificate.signature, key, keys);
    if (certified !== "holds") return { verdict: certified, code };
    if (code.expires === null || code.expires > code.certificate.until) return { verdict: "fails", code };
    key = code.certificate;
  }
  const verdict = await check(code.signed.message, code.signed.signature, key, keys);
  return { verdict: verdict === "holds" && code.expires !== null && code.expires <= nowSeconds ? "expired" : verdict, code };
}

/** Check a receipt (compact JWS) on this device: {verdict, claims}; verdicts as for codes. */
export async function verifyReceipt(text, keys) {
  let header, claims, signature;
  const parts = text.split(".");
  try {
    header = JSON.parse(new TextDecoder().decode(bytesOf(parts[0])));
    claims = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(parts[1])));
    signature = bytesOf(parts[2]);
  } catch {
    return { verdict: "malformed", claims: null };
  }
  // The algorithm comes from the key, never from the token; `typ` keeps other signed statements from passing as receipts.
  if (header.typ !== "qrpay-receipt+jwt" || header.crit) return { verdict: "unsigned", claims: null };
  const verdict = await check(utf8.encode(`${parts[0]}.${parts[1]}`), signature, await keys.find(header.kid, "receipt"), keys);
  return { verdict, claims };
}

async function check(message, signature, key, keys) {
  if (!globalThis.crypto?.subtle) return "unchecked";
  if (!key) return keys.empty ? "unchecked" : "unknown_key";
  try {
    const imported = await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x: key.x }, "Ed25519", false, ["verify"]);
    return (await crypto.subtle.verify("Ed25519", imported, signature, message)) ? "holds" : "fails";
  } catch (reason) {
    return reason.name === "NotSupportedError" ? "unchecked" : "fails";
  }
}
