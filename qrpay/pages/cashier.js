// The page a plain phone camera opens: who asks for how much, the code, and green when it is paid. Nobody signs in here.
import { Api, follow } from "./lib/api.js";
import { QrCode } from "./lib/draw.js";
import { language, t } from "./lib/lang.js";
import { exponentOf, money, parseAmount, symbolOf } from "./lib/money.js";
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

/** A code on a wall or table: whoever opens its link enters the amount and goes on in the wallet, or scans the code there. */
function Table() {
  const [code, setCode] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const [typed, setTyped] = useState("");
  const load = () => {
    setTrouble(null);
    api.get(`/v1/cashier/static/${encodeURIComponent(id)}`).then(setCode, setTrouble);
  };
  useEffect(load, []);
  const amount = code && (code.amount ?? parseAmount(typed || "0", code.currency));
  const go = (event) => {
    event.preventDefault();
    // The amount travels as text in minor units; the wallet shows it again before anything is paid.
    if (amount) location.assign(`/wallet?${new URLSearchParams({ order: code.id, ...(code.amount === null && { amount }) })}`);
  };
  return html`<${Head} name=${t("cashier")} />
    ${!code && (trouble ? html`<${Trouble} reason=${trouble} again=${trouble.unknown ? load : null} />` : html`<p class="notice" role="status">${t("loading")}</p>`)}
    ${code && html`<section class="code-screen" data-code=${code.id} data-status=${code.status}>
      <p class="payee"><span>${code.payee.name}</span>
        ${code.payee.verified && html`<span class="badge good"><${Icon} name="shield" />${t("verified")}</span>`}</p>
      ${code.label && html`<p>${code.label}</p>`}
      <p class="fine">${t("check_code", { code: code.check_code })}</p>
      ${code.status !== "active"
        ? html`<${Title}>${t("code_withdrawn")}<//><p class="notice" role="status">${t("code_withdrawn_detail")}</p>`
        : html`<form class="pay wide" onSubmit=${go}><${Title} className="fine">${t(code.amount === null ? "enter_amount" : "scan_to_pay")}<//>
          ${code.amount === null
            ? html`<label class="field big"><span>${t("amount_label")}</span><span class="with-symbol"><span aria-hidden="true">${symbolOf(code.currency, language())}</span>
                <input inputmode="decimal" required autocomplete="off" value=${typed} onInput=${(event) => setTyped(event.target.value)} placeholder=${exponentOf(code.currency) ? "0.00" : "0"} /></span>
                ${typed && !amount && html`<span class="fine bad-text">${t("amount_wrong")}</span>`}</label>`
            : html`<${Sum} amount=${code.amount} currency=${code.currency} />`}
          <button class="first wide" disabled=${!amount}>${amount ? t("go_on_with", { amount: money(amount, code.currency, language()) }) : t("open_wallet")}</button>
          <details><summary>${t("with_another_phone")}</summary>
            <${QrCode} text=${code.code.payload} label=${t("static_qr_label", { name: code.payee.name })} /></details>
        </form>`}
    </section>`}`;
}

mount(id.startsWith("stc_") ? Table : Cashier);
