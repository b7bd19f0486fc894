// One sale, afterwards: its receipt to print and to share, and giving money back as far as whoever is signed in may.
import { language, t } from "../lib/lang.js";
import { decimalText, exponentOf, money, parseAmount, symbolOf } from "../lib/money.js";
import { html, Icon, Sheet, Title, Trouble, useEffect, useRef, useState } from "../lib/view.js";
import { Paper, share } from "./paper.js";
import { newReference } from "./till.js";

/** Minor units that this session may still give back of an order: what is left, within the limit of whoever is signed in. */
export function refundable(order, session) {
  const left = order.amount - order.refunded_amount;
  const bound = session.role === "owner" || (session.role === "manager" && session.refundMax === null);
  if (session.role === "terminal") return 0;
  return bound ? left : Math.max(0, Math.min(left, (session.refundMax ?? 0) - order.refunded_amount));
}

export function Sale({ api, session, order: first, shop }) {
  const [order, setOrder] = useState(first);
  const [refunds, setRefunds] = useState([]);
  const [giving, setGiving] = useState(false);
  const [word, setWord] = useState("");
  const [trouble, setTrouble] = useState(null);
  useEffect(() => { load(); }, [first.id]);

  async function load() {
    setTrouble(null);
    try {
      const [now, given] = await Promise.all([api.get(`/v1/orders/${first.id}`), api.get(`/v1/orders/${first.id}/refunds`)]);
      setOrder(now);
      setRefunds(given.data);
    } catch (reason) {
      setTrouble(reason);
    }
  }

  const give = async () => {
    try {
      if (await share(order, shop)) setWord(t("link_copied"));
    } catch {
      setWord(`${location.origin}/pay/${order.id}`);
    }
  };
  const most = refundable(order, session);
  const left = order.amount - order.refunded_amount;
  return html`<${Title}>${t("sale_title")}<//>
    <${Trouble} reason=${trouble} again=${load} />
    <${Paper} api=${api} order=${order} shop=${shop} />
    ${order.status !== "paid" && html`<p class="notice" role="status">${t(`order_${order.status}`)}</p>`}
    <div class="doors">
      <button type="button" class="second" onClick=${() => print()}><${Icon} name="print" />${t("print")}</button>
      <button type="button" class="second" onClick=${give}><${Icon} name="share" />${t("share")}</button>
    </div>
    <p role="status" class=${word ? "fine id" : "unseen"}>${word}</p>
    ${order.status === "paid" && left > 0 && (most > 0
      ? html`<button type="button" class="second wide danger" onClick=${() => setGiving(true)}>${t("refund")}</button>`
      : html`<p class="notice" data-limit="none">${session.role === "terminal" ? t("refund_sign_in") : t("refund_not_yours")}</p>`)}
    ${refunds.length > 0 && html`<h2>${t("refunds")}</h2><ul class="rows">${refunds.map((one) => html`<li class="row" key=${one.id} data-refund=${one.status}>
      <span><strong>${t(`refund_${one.status}`)}</strong><span class="fine">${one.reason ?? `···${one.reference.slice(-6)}`}</span></span>
      <span class="sum">${one.amount === null ? "" : `−${money(one.amount, order.currency, language())}`}</span></li>`)}</ul>`}
    ${giving && html`<${RefundSheet} api=${api} order=${order} most=${most} limited=${most < left}
      close=${() => setGiving(false)} done=${() => { setGiving(false); setWord(""); load(); }} />`}`;
}

function RefundSheet({ api, order, most, limited, close, done }) {
  const exponent = exponentOf(order.currency);
  const [typed, setTyped] = useState(decimalText(most, exponent));
  const [reason, setReason] = useState("");
  const [trouble, setTrouble] = useState(null);
  const [busy, setBusy] = useState(false);
  const asked = useRef({ content: "", reference: "" });
  const amount = parseAmount(typed, order.currency);
  const good = amount !== null && amount <= most;

  // The same content keeps its reference, so that asking again after a lost answer gives nothing back twice.
  async function submit(event) {
    event.preventDefault();
    if (!good || busy) return;
    const content = JSON.stringify([amount, reason.trim()]);
    if (asked.current.content !== content) asked.current = { content, reference: newReference("R-") };
    setBusy(true);
    setTrouble(null);
    try {
      await api.post(`/v1/orders/${order.id}/refunds`, { reference: asked.current.reference, amount, ...(reason.trim() && { reason: reason.trim() }) });
      done();
    } catch (refused) {
      setBusy(false);
      setTrouble(refused);
    }
  }

  const sum = money(most, order.currency, language());
  return html`<${Sheet} label=${t("refund")} close=${close}>
    <form onSubmit=${submit}>
      <h2>${t("refund")}</h2>
      <p class="fine">${limited ? t("refund_limit", { amount: sum }) : t("refund_left", { amount: sum })}</p>
      <label class="field big"><span>${t("amount_label")}</span>
        <span class="with-symbol">${symbolOf(order.currency, language())}
          <input name="amount" inputmode="decimal" autocomplete="off" value=${typed} onInput=${(event) => setTyped(event.target.value)} /></span></label>
      ${!good && typed && html`<p class="bad-text" role="alert">${t("refund_amount_wrong", { amount: sum })}</p>`}
      <label class="field"><span>${t("refund_reason")}</span>
        <input name="reason" maxlength="64" autocomplete="off" value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
      <${Trouble} reason=${trouble} />
      ${trouble?.unknown && html`<p class="notice">${t("refund_again")}</p>`}
      <button class="first" disabled=${!good || busy}>${busy ? t("refunding") : t("refund_go", { amount: good ? money(amount, order.currency, language()) : "" })}</button>
      <button type="button" class="second" onClick=${close}>${t("not_now")}</button>
    </form>
  <//>`;
}
