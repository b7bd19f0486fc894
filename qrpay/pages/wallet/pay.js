// From a scanned text to money moved: what the code says, whether its signature holds, pay, receipt.
import { Problem } from "../lib/api.js";
import { verifyCode } from "../lib/codes.js";
import { clock, language, t } from "../lib/lang.js";
import { decimalText, exponentOf, money, parseAmount, symbolOf } from "../lib/money.js";
import { html, Icon, minutes, nameOf, Sum, Title, Trouble, useEffect, useRef, useSecondsLeft, useState } from "../lib/view.js";
import { Receipt } from "./receipt.js";

const PAYABLE = ["order", "static", "collect", "bill"];

export function Review({ api, keys, text, order, amount, paid, again }) {
  const [said, setSaid] = useState(null);
  const [check, setCheck] = useState(null);
  const [trouble, setTrouble] = useState(null);

  useEffect(() => { read(); }, []);
  async function read() {
    setTrouble(null);
    try {
      const scanned = text ?? (await payloadOf(api, order));
      verifyCode(scanned, keys).then(setCheck);
      setSaid({ scanned, ...(await api.post("/v1/scans", { scanned })) });
    } catch (reason) {
      setTrouble(reason);
    }
  }

  const payable = said && PAYABLE.includes(said.kind);
  return html`
    <${Title}>${t("review_title")}<//>
    ${!said && !trouble && html`<p class="notice" role="status">${t("reading_code")}</p>`}
    ${said ? html`<${Says} said=${said} />` : check?.code && html`<${SaysOffline} code=${check.code} />`}
    <${Verdict} check=${check} />
    <${Trouble} reason=${trouble} again=${trouble?.unknown ? read : null} />
    ${trouble && html`<button type="button" class="second wide" onClick=${again}>${t("scan_another")}</button>`}
    ${said && !payable && html`<p class="notice" role="status">${t(`kind_${said.kind}`)}: ${t("not_payable")}</p>`}
    ${payable && html`<${PayForm} api=${api} said=${said} typed=${amount} paid=${paid} />`}`;
}

/** The code of an order, or the static code, one was led to by a link; a Problem in the page's own words when it is over. */
async function payloadOf(api, order) {
  if (order.startsWith("stc_")) {
    const stands = await api.get(`/v1/cashier/static/${encodeURIComponent(order)}`);
    if (!stands.code) throw new Problem(410, { title: t("code_withdrawn"), detail: t("code_withdrawn_detail") });
    return stands.code.payload;
  }
  const { status, code } = await api.get(`/v1/cashier/${encodeURIComponent(order)}`);
  if (status !== "open") throw new Problem(409, { title: t(`order_${status}`), detail: t(`order_${status}_detail`) });
  return code.payload;
}

function Says({ said }) {
  const left = useSecondsLeft(said.expires_at);
  return html`<section class="card says">
    <p class="payee"><span>${said.payee?.name}</span>
      ${said.payee?.verified && html`<span class="badge good"><${Icon} name="shield" />${t("verified")}</span>`}</p>
    <p class="fine">${t(`kind_${said.kind}`)}</p>
    ${said.amount != null && html`<${Sum} amount=${said.amount} currency=${said.currency} />`}
    ${said.description && html`<p>${said.description}</p>`}
    ${said.expires_at && html`<p class="fine">${left > 0 ? t("valid_for", { time: minutes(left) }) : t("code_over")}</p>`}
  </section>`;
}

// Without the network the code itself still tells who asks for what; only paying must wait.
function SaysOffline({ code }) {
  return html`<section class="card says">
    <p class="payee"><span>${code.name}</span></p>
    ${code.amount !== null && html`<${Sum} amount=${code.amount} currency=${code.currency} />`}
    <p class="fine">${t("read_offline")}</p>
  </section>`;
}

/** The check made on this phone, apart from what the server says. */
function Verdict({ check }) {
  if (!check || ["malformed", "unsigned"].includes(check.verdict)) return null;
  const good = check.verdict === "holds";
  return html`<p class="verdict ${good ? "good" : check.verdict === "unchecked" ? "" : "bad"}" role="status" data-verdict=${check.verdict}>
    <${Icon} name=${good ? "shield" : "warn"} />${t(`signature_${check.verdict}`)}</p>`;
}

function PayForm({ api, said, typed: entered, paid }) {
  const [trouble, setTrouble] = useState(null);
  const [busy, setBusy] = useState(false);
  const [pinAsked, setPinAsked] = useState(false);
  const [sent, setSent] = useState(null);
  // One key a review: pressing again repeats this payment, it never makes a second one.
  const [key] = useState(() => crypto.randomUUID?.() ?? String(Math.random()));
  const [typed, setTyped] = useState(/^[0-9]{1,12}$/.test(entered ?? "") ? decimalText(Number(entered), exponentOf(said.currency)) : "");
  const pin = useRef(null);
  const open = said.amount == null;
  const amount = open ? parseAmount(typed, said.currency) : said.amount;

  useEffect(() => { if (pinAsked) pin.current?.focus(); }, [pinAsked, trouble]);

  async function pay(event) {
    event.preventDefault();
    if (busy || !amount) return;
    setBusy(true);
    setTrouble(null);
    const what = { scanned: said.scanned, ...(open && { amount }) };
    setSent(what);
    try {
      paid(await api.post("/v1/payments", { ...what, ...(pin.current?.value && { pin: pin.current.value }) }, { key }));
    } catch (reason) {
      setBusy(false);
      // What passes without the PIN in a day is used up: with it, more may.
      const pinHelps = reason.code === "pin_required" || (reason.code === "cap_exceeded" && reason.body.rule === "code_c");
      if (pinHelps) setPinAsked(true);
      if (pin.current) pin.current.value = "";
      setTrouble(pinHelps && !pinAsked ? null : reason);
      if (!reason.unknown) setSent(null);
    }
  }

  return html`<form class="pay" onSubmit=${pay}>
    ${open && html`<label class="field big"><span>${t("amount_label")}</span>
      <span class="with-symbol"><span aria-hidden="true">${symbolOf(said.currency, language())}</span>
      <input inputmode="decimal" value=${typed} disabled=${sent !== null} onInput=${(event) => setTyped(event.target.value)} autocomplete="off"
        placeholder=${exponentOf(said.currency) ? "0.00" : "0"} required /></span>
      ${typed && !amount && html`<span class="fine bad-text">${t("amount_wrong")}</span>`}</label>`}
    ${pinAsked && html`<${PinField} input=${pin} />`}
    <${Trouble} reason=${trouble} />
    ${trouble?.unknown && html`<p class="notice" role="status">${t("repeat_is_safe")}</p>`}
    <button class="first wide pay-button" disabled=${busy || !amount} aria-busy=${busy}>
      ${busy ? t("paying") : amount ? t("pay_amount", { amount: money(amount, said.currency, language()) }) : t("pay")}
    </button>
  </form>`;
}

/** The PIN: typed as digits, never kept, never offered to a password store. */
export function PinField({ input }) {
  return html`<label class="field big pin"><span>${t("pin_label")}</span>
    <input ref=${input} type="password" name="pin" inputmode="numeric" autocomplete="off" pattern="[0-9]{6}" maxlength="6" required /></label>`;
}

/** What was paid, big enough to show across a counter. */
export function Done({ api, payment, home }) {
  return html`<section class="done" data-order=${payment.order}>
    <div class="tick"><${Icon} name="check" /></div>
    <${Title}>${t("paid_title")}<//>
    <${Sum} amount=${payment.amount} currency=${payment.currency} />
    <p class="payee"><span>${nameOf(payment.payee)}</span></p>
    ${payment.paid_at && html`<p class="fine"><time datetime=${payment.paid_at}>${clock(payment.paid_at, { date: true, seconds: true })}</time></p>`}
    <${Receipt} api=${api} order=${payment.order} />
    <button type="button" class="second wide" onClick=${home}>${t("done")}</button>
  </section>`;
}
