// The page a plain phone camera opens: who asks for how much, the code, and green when it is paid. Nobody signs in here.
import { Api, follow } from "./lib/api.js";
import { QrCode } from "./lib/draw.js";
import { language, t } from "./lib/lang.js";
import { money } from "./lib/money.js";
import { Head, html, Icon, minutes, mount, Sum, Title, Trouble, useEffect, useSecondsLeft, useState, wordsOf } from "./lib/view.js";

const api = new Api();
const id = decodeURIComponent(location.pathname.split("/").at(-1));

function Cashier() {
  const [order, setOrder] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const left = useSecondsLeft(order?.expires_at);
  useEffect(() => {
    const ending = new AbortController();
    follow(api, `/v1/cashier/${encodeURIComponent(id)}`, {
      settled: (seen) => seen.status !== "open",
      seen: setOrder,
      trouble: setTrouble,
      signal: ending.signal,
    });
    return () => ending.abort();
  }, []);
  useEffect(() => document.body.classList.toggle("green", order?.status === "paid"), [order?.status]);

  return html`<${Head} name=${t("cashier")} />
    ${!order && (trouble ? html`<${Trouble} reason=${trouble} />` : html`<p class="notice" role="status">${t("loading")}</p>`)}
    ${order && html`<section class="code-screen" data-order=${order.id} data-status=${order.status}>
      <p class="payee"><span>${order.payee.name}</span>
        ${order.payee.verified && html`<span class="badge good"><${Icon} name="shield" />${t("verified")}</span>`}</p>
      <${Sum} amount=${order.amount} currency=${order.currency} />
      ${order.description && html`<p>${order.description}</p>`}
      <${State} key=${order.status} order=${order} left=${left} />
      ${trouble && html`<p class="notice" role="status">${wordsOf(trouble)[0]} ${t("still_watching")}</p>`}
    </section>`}`;
}

function State({ order, left }) {
  if (order.status === "paid") {
    return html`<div class="tick"><${Icon} name="check" /></div><div role="status"><${Title}>${t("paid_title")}<//></div>`;
  }
  if (order.status !== "open") {
    return html`<${Title}>${t(`order_${order.status}`)}<//><p class="notice" role="status">${t(`order_${order.status}_detail`)}</p>`;
  }
  return html`<${Title} className="fine">${t("scan_to_pay")}<//>
    <${QrCode} text=${order.code.payload} label=${t("order_qr_label", { amount: money(order.amount, order.currency, language()) })} className="big" />
    <p class="fine" role="timer">${t("valid_for", { time: minutes(left) })}</p>
    <a class="first wide as-button phone-only" href="/wallet?order=${encodeURIComponent(order.id)}">${t("open_wallet")}</a>`;
}

mount(Cashier);
