// What a cart comes to, in minor units, and what the shop sells. Kept on this till, so that a reload or a cut line loses nothing.
import { keep, stored } from "../lib/session.js";

export const LINES_MAX = 200;
export const QUANTITY_MAX = 999;
const AMOUNT_MAX = 10 ** 12 - 1;
const PERCENT = /^(0|[1-9]\d?|100)(\.\d{1,2})?$/;

/** "6.5" percent as 650; null for what is no percentage of at most two decimals. */
export function basisPoints(text) {
  if (!PERCENT.test(text)) return null;
  const [whole, part = ""] = text.split(".");
  return Number(whole) * 100 + Number(part.padEnd(2, "0"));
}

/** A share of an amount, half up, exact: `of` and the answer in minor units. */
function share(of, part, whole) {
  return Number((2n * BigInt(of) * BigInt(part) + BigInt(whole)) / (2n * BigInt(whole)));
}

/**
 * The sums of a cart {lines, rate, included, tip}: {goods, tax, tip, amount}. A tax that is included is part of the prices;
 * `tip` is minor units, or a percentage of the goods such as "10%". `amount` is null where there is nothing to be paid.
 */
export function sums({ lines, rate, included, tip }) {
  const goods = lines.reduce((sum, line) => sum + line.unit_price * line.quantity, 0);
  const points = basisPoints(rate || "0") ?? 0;
  const tax = included ? share(goods, points, 10_000 + points) : share(goods, points, 10_000);
  const given = typeof tip === "string" ? share(goods, basisPoints(tip.slice(0, -1)) ?? 0, 10_000) : tip ?? 0;
  const amount = goods + (included ? 0 : tax) + given;
  return { goods, tax, tip: given, amount: lines.length > 0 && amount > 0 && amount <= AMOUNT_MAX ? amount : null };
}

/** The parts of an order that say what was sold, as the API takes them: {lines, tax?, tip?, description, metadata?}. */
export function told(cart) {
  const { tax, tip } = sums(cart);
  const lines = cart.lines.map(({ name, unit_price, quantity, sku }) => ({ name, unit_price, quantity, amount: unit_price * quantity, ...(sku && { sku }) }));
  return {
    lines, ...(tip > 0 && { tip }), ...(tax > 0 && { tax: { amount: tax, included: cart.included, rate: cart.rate } }),
    description: inWords(cart), ...(cart.table && { metadata: { table: cart.table } }),
  };
}

/** A cart in one line of at most 256 characters, for phones and for sales without a network. */
function inWords(cart) {
  const words = cart.lines.map((line) => (line.quantity > 1 ? `${line.quantity} × ${line.name}` : line.name)).join(", ");
  return words.length > 120 ? `${words.slice(0, 119)}…` : words;
}

export class Basket {
  constructor(place) {
    this.place = place;
  }

  get empty() {
    const last = stored(localStorage, `${this.place}.cart_taxes`, { rate: "", included: true });
    return { lines: [], table: "", tip: 0, ...last };
  }

  /** The cart: {lines: [{name, unit_price, quantity, sku?}], rate, included, tip, table}. */
  get cart() {
    return stored(localStorage, `${this.place}.cart`, null) ?? this.empty;
  }

  set cart(cart) {
    keep(localStorage, `${this.place}.cart`, cart);
    if (cart) keep(localStorage, `${this.place}.cart_taxes`, { rate: cart.rate, included: cart.included });
  }

  /** What is sold: [{name, unit_price, sku}], in the order in which it was entered. */
  get items() {
    return stored(localStorage, `${this.place}.items`, []);
  }

  set items(items) {
    keep(localStorage, `${this.place}.items`, items);
  }
}

/** The cart with one more of an item, or one less; what comes to nothing is gone. */
export function more(cart, item, by = 1) {
  const same = (line) => line.name === item.name && line.unit_price === item.unit_price;
  const before = cart.lines.find(same);
  if (!before) return by > 0 && cart.lines.length < LINES_MAX ? { ...cart, lines: [...cart.lines, { ...item, quantity: by }] } : cart;
  const quantity = Math.min(QUANTITY_MAX, before.quantity + by);
  return { ...cart, lines: cart.lines.flatMap((line) => (!same(line) ? [line] : quantity > 0 ? [{ ...line, quantity }] : [])) };
}
