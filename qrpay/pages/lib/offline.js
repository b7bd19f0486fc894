// A code that a terminal signs itself, with a key the bank certified: what qrpay/codes/offline.py writes, in the browser.
import { base64url, crcOf, idOf, OFFLINE } from "./codes.js";

const utf8 = new TextEncoder();
const TEMPLATE_MAX = 99;

/** One EMV object: id, two digits of length in characters, value. */
function object(id, value) {
  return `${id}${String([...value].length).padStart(2, "0")}${value}`;
}

/** A new order's 16 bytes: a UUIDv7 of that moment (Unix milliseconds). */
export function newOrder(now) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(now / 2 ** 32));
  view.setUint32(2, now % 2 ** 32);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes;
}

/** The id of an order as the API writes it. */
export function orderText(bytes) {
  return idOf("ord_", base64url(bytes));
}

/** Template 80, filled up with the certificate, and templates 83 and 84 with the rest of it. */
function control(key, expires) {
  const owner = object("00", key.guid);
  const start = owner + object("01", key.kid) + object("02", String(expires));
  const first = TEMPLATE_MAX - start.length - 4;
  const size = TEMPLATE_MAX - owner.length - 4;
  let text = object("80", start + object("03", key.certificate.slice(0, first)));
  for (let number = 83, rest = key.certificate.slice(first); rest; number += 1, rest = rest.slice(size)) {
    text += object(String(number), owner + object("01", rest.slice(0, size)));
  }
  return text;
}

/**
 * The text of a code. `key`: the certified key as the API gave it; `decimals`: the amount as EMV 54 writes it; `expires`:
 * Unix seconds; `sign(bytes)` gives the 64 bytes of an Ed25519 signature by the terminal's private key.
 */
export async function writeCode(key, { order, decimals, expires }, sign) {
  let text = key.head + object("54", decimals);
  text += object("62", object("05", base64url(order)) + object("07", key.terminal_code)) + control(key, expires);
  const signature = base64url(new Uint8Array(await sign(utf8.encode(OFFLINE + text))));
  const owner = object("00", key.guid);
  text += object("81", owner + object("01", signature.slice(0, 60))) + object("82", owner + object("01", signature.slice(60)));
  text += "6304";
  return text + crcOf(text);
}
