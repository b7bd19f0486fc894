// What this till remembers, and what it owes the server: the sale under way, references to close, receipts accepted.
import { Problem } from "../lib/api.js";
import { idOf, parse } from "../lib/codes.js";
import { keep, stored } from "../lib/session.js";

const ACCEPTED_MAX = 2000;
const TRIES = 3;
const QUICK_MS = 8000;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A new reference: milliseconds and 80 random bits in Crockford base32, so that references sort by time. */
export function newReference(prefix = "P-", now = Date.now()) {
  let [digits, rest] = ["", now];
  for (let place = 0; place < 10; place += 1) {
    digits = CROCKFORD[rest % 32] + digits;
    rest = Math.floor(rest / 32);
  }
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `${prefix}${digits}${Array.from(random, (byte) => CROCKFORD[byte & 31]).join("")}`;
}

export class Till {
  /** `session` has store and terminal, both optional. Storage is per terminal, so that two tills in one browser stay apart. */
  constructor(api, session) {
    this.api = api;
    this.session = session;
    this.place = `qrpay.till.${session.terminal ?? "one"}`;
  }

  /** The sale that was under way, also after a reload or a crash of the page; null when there is none. */
  get sale() {
    return stored(localStorage, `${this.place}.sale`, null);
  }

  set sale(sale) {
    keep(localStorage, `${this.place}.sale`, sale);
  }

  /** Where orders are made: {store?, terminal?}. */
  where(names) {
    return Object.fromEntries(names.filter((name) => this.session[name]).map((name) => [name, this.session[name]]));
  }

  /** Make the order of a sale {reference, amount, currency, description?, lines?, tax?, tip?, metadata?}; `quick` insists less, as there is another way. A lost answer is asked for again with the same reference, so there is never a second order. */
  async open(sale, quick = false) {
    this.sale = sale;
    const { description, offline: _, ...said } = sale;
    const ask = { ...said, ...(description && { description }), ...this.where(["store", "terminal"]) };
    const order = await this.#again(() => this.api.post("/v1/orders", ask, quick ? { timeout: QUICK_MS } : {}), quick ? 2 : TRIES);
    this.#learn(order);
    return order;
  }

  /** Report what was scanned from a customer; safe to repeat as it stands. */
  async report(sale, scanned) {
    this.sale = sale;
    const { reference, amount, currency, description } = sale;
    return this.#again(() => this.api.post("/v1/callbacks/scan", {
      scanned, reference, amount, currency, ...(description && { description }), ...this.where(["terminal"]),
    }));
  }

  async #again(call, tries = TRIES) {
    for (let tried = 1; ; tried += 1) {
      try {
        return await call();
      } catch (reason) {
        if (!reason.unknown || tried === tries) throw reason;
        await new Promise((next) => setTimeout(next, 700 * tried));
      }
    }
  }

  /** Close a reference for good. Gives the order: closed, or paid when a wallet was quicker. */
  async close(reference) {
    const path = `/v1/orders/ref:${encodeURIComponent(reference)}`;
    try {
      return await this.#again(() => this.api.post(`${path}/close`));
    } catch (reason) {
      if (reason instanceof Problem && reason.code === "order_paid") return this.api.get(path);
      throw reason;
    }
  }

  /** Close it as soon as the server can be reached: for a sale given up while the network was away. */
  closeLater(reference) {
    keep(localStorage, `${this.place}.to_close`, [...new Set([...this.toClose, reference])]);
    this.sale = null;
  }

  get toClose() {
    return stored(localStorage, `${this.place}.to_close`, []);
  }

  /** Try to close what is owed. Gives the orders that turned out to be paid: the shop must know. */
  async settleOwed() {
    const paid = [];
    for (const reference of this.toClose) {
      try {
        const order = await this.close(reference);
        if (order.status === "paid") paid.push(order);
      } catch (reason) {
        if (!(reason instanceof Problem) || reason.unknown) return paid;
      }
      keep(localStorage, `${this.place}.to_close`, this.toClose.filter((other) => other !== reference));
    }
    return paid;
  }

  /** Our own merchant id, learned from the first code the server signed for us; null before that. */
  get merchant() {
    return this.session.merchant ?? stored(localStorage, `${this.place}.merchant`, null);
  }

  #learn(order) {
    try {
      keep(localStorage, `${this.place}.merchant`, idOf("mer_", parse(order.code.payload).merchant));
    } catch {
      // A code this page cannot read teaches nothing; the sale goes on.
    }
  }

  /** When this till accepted the receipt of that order before; null the first time, which is noted. */
  accept(order, now = Date.now()) {
    const list = stored(localStorage, `${this.place}.accepted`, []);
    const before = list.find(([id]) => id === order);
    if (before) return before[1];
    keep(localStorage, `${this.place}.accepted`, [...list, [order, now]].slice(-ACCEPTED_MAX));
    return null;
  }
}
