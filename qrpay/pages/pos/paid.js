// Green, and said aloud: money has arrived.
import { clock, t } from "../lib/lang.js";
import { announce } from "../lib/speech.js";
import { html, Icon, nameOf, Sum, Title, useEffect, useState } from "../lib/view.js";

export function Paid({ order, next, receipt }) {
  const [spoken, setSpoken] = useState("");
  useEffect(() => {
    document.body.classList.add("green");
    setSpoken(announce(order.amount, order.currency));
    return () => document.body.classList.remove("green");
  }, []);
  const payment = order.payment;
  return html`<section class="green-screen" data-order=${order.id} data-status="paid">
    <div class="tick"><${Icon} name="check" /></div>
    <${Title}>${t("received_title")}<//>
    <${Sum} amount=${order.amount} currency=${order.currency} />
    <p role="status" aria-live="assertive" class="spoken">${spoken}</p>
    ${order.offline && html`<p class="badge"><${Icon} name="shield" />${t("offline_paid")}</p>`}
    ${order.beforeClose && html`<p class="notice">${t("paid_before_close")}</p>`}
    ${order.description && html`<p>${order.description}</p>`}
    ${payment && html`<p class="fine">${nameOf(payment.payer)} · <time datetime=${payment.paid_at}>${clock(payment.paid_at, { seconds: true })}</time></p>`}
    <p class="fine id">${order.reference}</p>
    <button type="button" class="first wide" onClick=${next}>${t("next_sale")}</button>
    ${order.id && html`<button type="button" class="quiet" onClick=${receipt}><${Icon} name="print" />${t("receipt")}</button>`}
  </section>`;
}
