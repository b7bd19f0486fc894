// Selling while the line is down: a key certified while it was up, codes signed here, sales kept until they are counted.
import { all, find, put, remove } from "../lib/database.js";
import { base64url } from "../lib/codes.js";
import { decimalText, exponentOf } from "../lib/money.js";
import { newOrder, orderText, writeCode } from "../lib/offline.js";

const BRING_MAX = 50;
const ASK_AGAIN_MS = 600_000;
const KEPT_MS = 7 * 86_400_000;
const FINAL = ["paid", "closed", "expired", "refused"];

export class Offline {
  #record = null;
  #busy = null;
  #renewing = null;
  #refusedAt = -Infinity;

  /** Sales of this terminal without a network, oldest first: {order, code, amount, currency, made_at, status, receipt?, …}. */
  sales = [];

  /** Told when a sale was made, or its end became known. */
  changed = () => {};

  /** `terminal` is `ter_…`; without one, or without Web Crypto, the till sells online only. */
  constructor(api, terminal) {
    this.api = api;
    this.terminal = terminal ?? null;
  }

  /** Read what this device keeps. */
  async start() {
    if (!this.terminal || !globalThis.crypto?.subtle || !globalThis.indexedDB) return;
    this.#record = await find("keys", this.terminal);
    this.sales = (await all("sales")).filter((sale) => sale.terminal === this.terminal);
  }

  /** Now by the bank's clock, Unix milliseconds, as far as this device has learned it. */
  now() {
    return Date.now() + (this.#record?.ahead_ms ?? 0);
  }

  /** Until when this till signs codes, Unix milliseconds; 0 when it cannot. */
  get until() {
    const until = this.#record ? Date.parse(this.#record.key.expires_at) : 0;
    return until > this.now() ? until : 0;
  }

  /** Whether such a sale can be made without a network: the certificate's limits, and what was drawn on them here. */
  can({ amount, currency }) {
    if (!this.until) return false;
    const { key } = this.#record;
    const [sum, count] = this.#drawn();
    return currency === key.currency && amount <= key.code_max && sum + amount <= key.total_max && count < key.count_max;
  }

  #drawn() {
    const { key } = this.#record;
    const ours = this.sales.filter((sale) => sale.key === key.public_key && !["expired", "refused", "closed"].includes(sale.status));
    return [key.used + ours.reduce((sum, sale) => sum + sale.amount, 0), key.count_used + ours.length];
  }

  /** Have a new key certified when there is none, or half of its life or its limits is gone. Needs the network. */
  async renew(currency) {
    if (Date.now() - this.#refusedAt < ASK_AGAIN_MS) return undefined;
    this.#renewing ??= this.#certify(currency).catch((reason) => {
      if (!reason.unknown) this.#refusedAt = Date.now();
      throw reason;
    }).finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  async #certify(currency) {
    if (!this.terminal || !globalThis.crypto?.subtle || !globalThis.indexedDB) return;
    const { key } = this.#record ?? {};
    const [sum, count] = key ? this.#drawn() : [0, 0];
    const half = key && Date.parse(key.created_at) / 2 + Date.parse(key.expires_at) / 2;
    if (key && key.currency === currency && this.now() < half && sum * 2 < key.total_max && count * 2 < key.count_max) return;
    // The private half cannot be read out of the browser, by nobody and no script.
    const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    const public_key = base64url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
    const certified = await this.api.post(`/v1/terminals/${this.terminal}/offline-keys`, { public_key, currency });
    this.#record = { key: certified, signer: pair.privateKey, ahead_ms: Date.parse(certified.now) - Date.now() };
    await put("keys", this.terminal, this.#record);
  }

  /** Make and keep a sale with its signed code. No network; `can()` was asked first. */
  async sell({ amount, currency, description, metadata }) {
    const { key, signer } = this.#record;
    const now = this.now();
    const order = newOrder(now);
    const expires = Math.floor(Math.min(now / 1000 + key.code_s, Date.parse(key.expires_at) / 1000));
    const code = await writeCode(key, { order, decimals: decimalText(amount, exponentOf(currency)), expires },
      (message) => crypto.subtle.sign("Ed25519", signer, message));
    const sale = {
      order: orderText(order), terminal: this.terminal, key: key.public_key, code, amount, currency, description: description || null,
      metadata: metadata ?? null, made_at: new Date(now).toISOString(), expires_at: new Date(expires * 1000 - now + Date.now()).toISOString(), status: "open",
    };
    // On disk before anybody sees it: a code that is paid and forgotten would be money without a story.
    await this.#keep(sale);
    return sale;
  }

  find(order) {
    return this.sales.find((sale) => sale.order === order) ?? null;
  }

  async #keep(sale) {
    await put("sales", sale.order, sale);
    this.sales = [...this.sales.filter((other) => other.order !== sale.order), sale];
    this.changed();
  }

  /** Note the customer's receipt, which was checked: the sale is paid, and waits to be brought back. */
  async paid(order, receipt) {
    await this.#keep({ ...this.find(order), receipt });
  }

  /** Sales whose end the bank has not told yet. */
  get waiting() {
    return this.sales.filter((sale) => !FINAL.includes(sale.status));
  }

  /** Bring back what waits. Gives the sales whose end became known just now. Throws as the API does; safe to repeat. */
  async adopt() {
    this.#busy ??= this.#bring().finally(() => { this.#busy = null; });
    return this.#busy;
  }

  async #bring() {
    const ended = [];
    const waiting = this.waiting;
    for (let at = 0; at < waiting.length; at += BRING_MAX) {
      const some = waiting.slice(at, at + BRING_MAX);
      const orders = some.map(({ code, description, metadata }) => ({ code, description, metadata }));
      const answer = await this.api.post(`/v1/terminals/${this.terminal}/adopt`, { orders });
      for (const [place, { order, refused }] of answer.data.entries()) {
        const status = refused ? "refused" : order.status;
        if (status === "open") continue;
        const sale = { ...this.find(some[place].order), status, refused, answer: order };
        await this.#keep(sale);
        ended.push(sale);
      }
    }
    await this.#forgetOld();
    return ended;
  }

  async #forgetOld() {
    const old = this.sales.filter((sale) => FINAL.includes(sale.status) && Date.parse(sale.made_at) < Date.now() - KEPT_MS);
    for (const sale of old) await remove("sales", sale.order);
    this.sales = this.sales.filter((sale) => !old.includes(sale));
  }
}
