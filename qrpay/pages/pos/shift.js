// A shift: the cash counted at its beginning and its end, cash in and out between; and what was taken today, by till and person.
import { clock, language, t } from "../lib/lang.js";
import { exponentOf, money, parseAmount, symbolOf } from "../lib/money.js";
import { html, Title, Trouble, useEffect, useRef, useState } from "../lib/view.js";
import { boundsOf, today } from "./history.js";
import { newReference } from "./till.js";

/** Cash as it was typed, in minor units; nothing at all is an amount too, and null is none. */
function cashOf(text, currency) {
  return /^0*([.,]0*)?$/.test(text.trim()) && text.trim() !== "" ? 0 : parseAmount(text, currency);
}

export function ShiftScreen({ api, session, currency }) {
  const [shift, setShift] = useState(undefined);
  const [totals, setTotals] = useState([]);
  const [trouble, setTrouble] = useState(null);
  const asked = useRef({ content: "", reference: "" });
  useEffect(() => { load(); }, []);

  async function load() {
    await attempt(async () => {
      const [open, taken] = await Promise.all([
        session.terminal ? api.get(`/v1/shifts?${new URLSearchParams({ status: "open", terminal: session.terminal, limit: "1" })}`) : { data: [] },
        api.get(`/v1/till-totals?${new URLSearchParams(boundsOf(today()))}`),
      ]);
      setShift(open.data[0] ?? null);
      setTotals(taken.data);
    });
  }

  async function attempt(work) {
    setTrouble(null);
    try {
      await work();
      return true;
    } catch (reason) {
      setTrouble(reason);
      return false;
    }
  }

  // The same content keeps its reference until it was done, so that pressing again after a lost answer does nothing twice.
  const reference = (...content) => {
    const text = JSON.stringify(content);
    if (asked.current.content !== text) asked.current = { content: text, reference: newReference("S-") };
    return asked.current.reference;
  };
  const done = () => { asked.current = { content: "", reference: "" }; };
  const open = (opening_cash) => attempt(async () => {
    setShift(await api.post("/v1/shifts", { reference: reference("open", opening_cash), opening_cash, currency, ...(session.terminal && { terminal: session.terminal }) }));
    done();
  });
  const move = (kind, amount, reason) => attempt(async () => {
    setShift(await api.post(`/v1/shifts/${shift.id}/cash`, { reference: reference(kind, amount, reason), kind, amount, ...(reason && { reason }) }));
    done();
  });
  const close = (counted, note) => attempt(async () => {
    setShift(await api.post(`/v1/shifts/${shift.id}/close`, { counted, ...(note && { note }) }));
  });

  return html`<${Title}>${t("shift")}<//>
    <${Trouble} reason=${trouble} again=${shift === undefined ? load : null} />
    ${shift === undefined && !trouble && html`<p class="fine" role="status">${t("loading")}</p>`}
    ${!session.terminal && html`<p class="notice">${t("shift_needs_till")}</p>`}
    ${session.terminal && shift === null && html`<${CashForm} currency=${currency} label=${t("cash_at_opening")} go=${t("shift_open")} done=${open} />`}
    ${shift?.status === "open" && html`<${OpenShift} shift=${shift} currency=${currency} move=${move} close=${close} />`}
    ${shift?.status === "closed" && html`<${Closed} shift=${shift} again=${() => setShift(null)} />`}
    <${DayTotals} totals=${totals} />`;
}

function CashForm({ currency, label, go, note, done }) {
  const [typed, setTyped] = useState("");
  const amount = cashOf(typed, currency);
  const submit = (event) => {
    event.preventDefault();
    if (amount !== null) done(amount, new FormData(event.target).get("note")?.trim());
  };
  return html`<form class="card" onSubmit=${submit}>
    <label class="field big"><span>${label}</span><span class="with-symbol">${symbolOf(currency, language())}
      <input name="cash" inputmode=${exponentOf(currency) ? "decimal" : "numeric"} required autocomplete="off" value=${typed} onInput=${(event) => setTyped(event.target.value)} /></span></label>
    ${note && html`<label class="field"><span>${note}</span><input name="note" maxlength="200" autocomplete="off" /></label>`}
    <button class="first" disabled=${amount === null}>${go}</button>
  </form>`;
}

function OpenShift({ shift, currency, move, close }) {
  const sum = (amount) => money(amount, shift.currency, language());
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { kind, amount, reason } = Object.fromEntries(new FormData(form));
    const cash = parseAmount(amount, currency);
    if (cash && (await move(kind, cash, reason.trim()))) form.reset();
  };
  return html`<section class="card says" data-shift=${shift.id}>
      <p><strong>${shift.staff_name ?? t("nobody_signed_in")}</strong> · ${t("since", { time: clock(shift.opened_at) })}</p>
      <dl><dt>${t("cash_at_opening")}</dt><dd>${sum(shift.opening_cash)}</dd>
        <dt>${t("taken_by_code", { count: shift.taken.payments })}</dt><dd>${sum(shift.taken.amount)}</dd>
        ${shift.taken.refunds > 0 && html`<dt>${t("refunded")}</dt><dd>−${sum(shift.taken.refunded)}</dd>`}</dl>
    </section>
    <details><summary>${t("cash_in_out")}</summary><form onSubmit=${submit}>
      <label class="field"><span>${t("cash_kind")}</span><select name="kind">${["sale", "paid_in", "paid_out"].map((kind) => html`<option value=${kind}>${t(`cash_${kind}`)}</option>`)}</select></label>
      <label class="field"><span>${t("amount_label")}</span><input name="amount" inputmode="decimal" required autocomplete="off" /></label>
      <label class="field"><span>${t("cash_reason")}</span><input name="reason" maxlength="100" autocomplete="off" /></label>
      <button class="second">${t("cash_note")}</button></form></details>
    ${shift.cash.length > 0 && html`<ul class="rows">${shift.cash.map((one) => html`<li class="row" key=${one.reference} data-cash=${one.kind}>
      <span><strong>${t(`cash_${one.kind}`)}</strong><span class="fine">${clock(one.at)} ${one.reason ?? ""}</span></span>
      <span class="sum">${one.kind === "paid_out" ? "−" : ""}${sum(one.amount)}</span></li>`)}</ul>`}
    <h2>${t("shift_end")}</h2>
    <${CashForm} currency=${currency} label=${t("cash_counted")} note=${t("cash_note_end")} go=${t("shift_close")} done=${close} />`;
}

function Closed({ shift, again }) {
  const sum = (amount) => money(amount, shift.currency, language());
  const word = shift.difference === 0 ? t("cash_right") : t(shift.difference > 0 ? "cash_over" : "cash_short", { amount: sum(Math.abs(shift.difference)) });
  return html`<section class="card outcome ${shift.difference === 0 ? "good" : "bad"}" role="status" data-difference=${String(shift.difference)}>
    <p class="verdict ${shift.difference === 0 ? "good" : "bad"}">${word}</p>
    <dl><dt>${t("cash_expected")}</dt><dd>${sum(shift.expected)}</dd><dt>${t("cash_counted")}</dt><dd>${sum(shift.counted)}</dd>
      <dt>${t("taken_by_code", { count: shift.taken.payments })}</dt><dd>${sum(shift.taken.amount)}</dd></dl>
    <button type="button" class="second" onClick=${again}>${t("shift_next")}</button>
  </section>`;
}

/** What was taken on a day, a row for each till and person. */
export function DayTotals({ totals }) {
  if (totals.length === 0) return null;
  return html`<h2>${t("day_totals")}</h2><ul class="rows">${totals.map((one) => html`<li class="row" data-total-of=${one.terminal_name ?? ""}>
    <span><strong>${one.terminal_name ?? t("no_till")}</strong><span class="fine">${one.staff_name ?? t("nobody_signed_in")} · ${t("payments_count", { count: one.payments })}</span></span>
    <span class="sum">${money(one.amount - one.refunded, one.currency, language())}</span></li>`)}</ul>`;
}
