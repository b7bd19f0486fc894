// What stands above a receipt: the shop's name and place, learned once and kept for the time without a network.
import { keep, stored } from "../lib/session.js";

const KEPT = "qrpay.shop";

/** What is known without asking: {name, place, test}. */
export function shopOf(session) {
  if (session.shop) return { name: session.shop, place: session.place, test: false, ...placeKept(session) };
  return { name: "", place: "", test: false, ...placeKept(session) };
}

function placeKept(session) {
  const kept = stored(localStorage, KEPT, null);
  return kept && kept.terminal === (session.terminal ?? null) && kept.store === (session.store ?? null) ? kept.shop : {};
}

/** Ask who we are; quietly stays with what is known when nobody answers. */
export async function learnShop(api, session) {
  try {
    const merchant = await api.get("/v1/merchant");
    const store = merchant.stores.find((one) => one.id === session.store);
    const terminal = store?.terminals.find((one) => one.id === session.terminal);
    const shop = { name: merchant.name, place: [store?.name, terminal?.name].filter(Boolean).join(" · "), test: merchant.test };
    keep(localStorage, KEPT, { store: session.store ?? null, terminal: session.terminal ?? null, shop });
    return shop;
  } catch {
    return shopOf(session);
  }
}
