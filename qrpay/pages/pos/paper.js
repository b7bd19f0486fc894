// The receipt on paper: 72 mm wide, black on white; the same on the screen, so that one sees what is printed.
import { QrCode } from "../lib/draw.js";
import { clock, language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, nameOf, useEffect, useState } from "../lib/view.js";

/** Tax and tip of an order, where it has them: [{label, amount}]. */
function extras({ tax, tip }) {
  const rate = tax?.rate ? ` ${tax.rate} %` : "";
  return [
    ...(tax?.amount > 0 ? [{ label: t(tax.included ? "tax_inside" : "tax") + rate, amount: tax.amount }] : []),
    ...(tip > 0 ? [{ label: t("tip"), amount: tip }] : []),
  ];
}

export function Paper({ api, order, shop }) {
  const [signed, setSigned] = useState(order.receipt ?? null);
  useEffect(() => {
    let gone = false;
    if (order.status === "paid") {
      api.get(`/v1/receipts/${encodeURIComponent(order.id)}`).then((text) => !gone && setSigned(text.trim()), () => {});
    }
    return () => { gone = true; };
  }, [order.id, order.refunded_amount]);
  const sum = (amount) => money(amount, order.currency, language());
  const table = order.metadata?.table;
  return html`<article class="paper" aria-label=${t("receipt")}>
    <h2>${shop.name}</h2>
    ${shop.place && html`<p>${shop.place}</p>`}
    ${shop.test && html`<p><strong>${t("test_mode")}</strong></p>`}
    ${table && html`<p>${t("table_number", { table })}</p>`}
    ${order.description && !order.lines && html`<p>${order.description}</p>`}
    ${order.lines?.length > 0 && html`<table><tbody>${order.lines.map((line) => html`<tr>
      <td>${line.quantity !== 1 ? `${line.quantity} × ` : ""}${line.name}</td><td>${sum(line.amount)}</td></tr>`)}</tbody></table>`}
    <table><tbody>
      ${extras(order).map((part) => html`<tr><td>${part.label}</td><td>${sum(part.amount)}</td></tr>`)}
      <tr class="whole"><td>${t("total")}</td><td>${sum(order.amount)}</td></tr>
      ${order.refunded_amount > 0 && html`<tr><td>${t("refunded")}</td><td>−${sum(order.refunded_amount)}</td></tr>`}
    </tbody></table>
    ${order.payment && html`<p>${t("paid_at")} <time datetime=${order.payment.paid_at}>${clock(order.payment.paid_at, { date: true, seconds: true })}</time></p>
      <p>${t("payer")} ${nameOf(order.payment.payer)}</p>`}
    <p class="id">${order.reference}</p>
    <p class="id">${order.id}</p>
    ${signed && html`<div class="print-only"><${QrCode} text=${signed} label=${t("receipt_qr_label")} /><p>${t("paper_hint")}</p></div>`}
  </article>`;
}

/** Give the receipt's link to the customer: the device's own sharing, or the clipboard. Gives whether it was copied. */
export async function share(order, shop) {
  const url = `${location.origin}/pay/${order.id}`;
  const text = t("share_text", { shop: shop.name, amount: money(order.amount, order.currency, language()), reference: order.reference });
  if (navigator.share) {
    await navigator.share({ title: t("receipt"), text, url }).catch(() => {});
    return false;
  }
  await navigator.clipboard.writeText(`${text} ${url}`);
  return true;
}
