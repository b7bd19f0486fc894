// The public keys that verify codes and receipts, kept on this device so that a check works without the network.
import { keep, stored } from "./session.js";

const KEPT = "qrpay.jwks";
const REFRESH_AFTER_MS = 3_600_000;
const ASK_AGAIN_AFTER_MS = 30_000;

export class Keys {
  #kept = stored(localStorage, KEPT, { keys: [], at: 0 });
  #asked = 0;

  get empty() {
    return this.#kept.keys.length === 0;
  }

  /** When the keys were last fetched, as Unix milliseconds; 0 for never. */
  get at() {
    return this.#kept.at;
  }

  /**
   * The key of that id for that purpose ("code", "receipt"), or null: a key for webhooks makes no receipt. An unknown id
   * asks the server once in a while, never more, since a forger could make us flood it.
   */
  async find(id, purpose) {
    const fits = (key) => key.kid === id && key.kty === "OKP" && key.crv === "Ed25519" && (key.purpose ?? purpose) === purpose;
    const known = () => this.#kept.keys.find(fits) ?? null;
    if (!known() || Date.now() - this.#kept.at > REFRESH_AFTER_MS) await this.refresh();
    return known();
  }

  /** Fetch the keys anew; quietly keeps the old ones when the network is away. */
  async refresh() {
    if (Date.now() - this.#asked < ASK_AGAIN_AFTER_MS) return;
    this.#asked = Date.now();
    try {
      const answer = await fetch("/.well-known/jwks.json", { signal: AbortSignal.timeout(5000), cache: "no-cache" });
      const body = answer.ok ? await answer.json() : null;
      if (!Array.isArray(body?.keys)) return;
      this.#kept = { keys: body.keys.filter((key) => typeof key.kid === "string"), at: Date.now() };
      keep(localStorage, KEPT, this.#kept);
    } catch {
      // Offline: what is kept still verifies whatever those keys signed.
    }
  }
}
