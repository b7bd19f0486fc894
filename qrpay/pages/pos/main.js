// The till: who is selling, which screen is on, and where a hand scanner's text goes.
import { Api } from "../lib/api.js";
import { kindOf } from "../lib/codes.js";
import { Keys } from "../lib/keys.js";
import { language, t } from "../lib/lang.js";
import { exponentOf, money, parseAmount } from "../lib/money.js";
import { hearScanner } from "../lib/scanner.js";
import { forget, save, takeFromFragment } from "../lib/session.js";
import { unlockSound } from "../lib/speech.js";
import { CredentialForm, Head, html, Icon, mount, useEffect, useRef, useState } from "../lib/view.js";
import { Customer } from "./customer.js";
import { Keypad, press } from "./keypad.js";
import { OrderCode } from "./order.js";
import { Paid } from "./paid.js";
import { newReference, Till } from "./till.js";
import { Today } from "./today.js";
import { Verify } from "./verify.js";

const NAMES = ["key", "store", "terminal", "currency"];
const OWED_EVERY_MS = 10_000;
const keys = new Keys();

function Pos() {
  const [session, setSession] = useState(() => takeFromFragment("pos", NAMES));
  if (!session.key) {
    const enter = (given) => { save("pos", given); setSession(given); };
    return html`<${Head} name=${t("pos")} />
      <${CredentialForm} title=${t("pos_welcome")} hint=${t("pos_key_hint")} done=${enter} fields=${[
        { name: "key", label: t("secret_key"), required: true, secret: true },
        { name: "store", label: t("store_id") },
        { name: "terminal", label: t("terminal_id") },
        { name: "currency", label: t("currency"), value: "CNY" },
      ]} />`;
  }
  const leave = () => { forget("pos"); setSession({}); };
  return html`<${Open} key=${session.key} session=${session} leave=${leave} />`;
}

function Open({ session, leave }) {
  const [api] = useState(() => new Api(session.key));
  const [till] = useState(() => new Till(api, session));
  const [screen, go] = useState(() => (till.sale ? { name: "order", sale: till.sale } : { name: "keypad" }));
  const [typed, setTyped] = useState("");
  const [description, setDescription] = useState("");
  const [word, setWord] = useState("");
  const currency = /^[A-Z]{3}$/.test(session.currency ?? "") ? session.currency : "CNY";
  const amount = parseAmount(typed || "0", currency);
  const latest = useRef({});

  const keypad = () => { till.sale = null; setWord(""); go({ name: "keypad" }); };
  const next = () => { setTyped(""); setDescription(""); keypad(); };
  const saleNow = (of = amount) => ({ reference: newReference(), amount: of, currency, description: description.trim() });
  const paid = (order) => { till.sale = null; setWord(""); go({ name: "paid", order }); };
  const kept = useRef("");
  latest.current = { scanned: scannedByHand, typed: type, started: () => { kept.current = typed; } };

  // The digits of a hand scanner went to the keypad as well: the amount is what stood there before.
  function scannedByHand(text) {
    setTyped(kept.current);
    return scanned(text, parseAmount(kept.current || "0", currency));
  }

  function scanned(text, charged = amount) {
    setWord("");
    // While receipts are checked nobody is charged, whatever is held under the scanner.
    if (kindOf(text) === "receipt" || ["verify", "today"].includes(screen.name)) return go({ name: "verify", text, seen: Date.now(), from: screen.from ?? screen });
    if (screen.name === "paid") return undefined;
    const selling = screen.sale ?? (charged ? saleNow(charged) : null);
    if (!selling) return setWord(t("amount_first"));
    // Each scan is a sale of its own, with its own reference: a code is spent by the first attempt.
    return go({ name: "customer", sale: { ...selling, reference: newReference() }, text, seen: Date.now() });
  }

  function type(key) {
    if (screen.name === "keypad") {
      if (key === "Enter") return amount && go({ name: "order", sale: saleNow() });
      setTyped((before) => press(before, key, exponentOf(currency)));
    } else if (screen.name === "paid" && key === "Enter") next();
    return undefined;
  }

  useEffect(() => {
    keys.refresh();
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, unlockSound, true);
    const owed = setInterval(async () => {
      if (till.toClose.length === 0) return;
      const late = await till.settleOwed();
      const told = late.map((order) => t("paid_after_all", { ...order, amount: money(order.amount, order.currency, language()) }));
      if (told.length > 0) setWord(told.join(" "));
    }, OWED_EVERY_MS);
    const deaf = hearScanner({
      scanned: (text) => latest.current.scanned(text),
      typed: (key) => latest.current.typed(key),
      started: () => latest.current.started(),
    });
    return () => { clearInterval(owed); deaf(); };
  }, []);

  const giveUp = (reference) => { till.closeLater(reference); keypad(); };
  const shown = {
    keypad: () => html`<${Keypad} typed=${typed} currency=${currency} amount=${amount} description=${description}
      onKey=${type} onDescription=${setDescription} show=${() => go({ name: "order", sale: saleNow() })}
      customer=${() => go({ name: "customer", sale: saleNow() })} verify=${() => go({ name: "verify" })} today=${() => go({ name: "today" })} leave=${leave} />`,
    order: () => html`<${OrderCode} key=${screen.sale.reference} api=${api} till=${till} sale=${screen.sale} paid=${paid} keypad=${keypad} giveUp=${giveUp} />`,
    customer: () => html`<${Customer} key=${screen.seen} api=${api} till=${till} sale=${screen.sale} text=${screen.text}
      found=${scanned} paid=${paid} keypad=${keypad} giveUp=${giveUp} />`,
    paid: () => html`<${Paid} order=${screen.order} next=${next} />`,
    verify: () => html`<${Verify} key=${screen.seen} keys=${keys} till=${till} text=${screen.text} found=${scanned} />`,
    today: () => html`<${Today} api=${api} session=${session} currency=${currency} />`,
  }[screen.name];
  // From a receipt one goes back to the sale that was under way, if any.
  const back = ["verify", "today"].includes(screen.name) ? () => (screen.from?.sale ? go(screen.from) : keypad()) : null;
  return html`
    ${screen.name !== "paid" && html`<${Head} name=${t("pos")} back=${back} />`}
    <p role="status" aria-live="polite" class=${word ? "notice" : "unseen"}>${word && html`<${Icon} name="warn" />${word}`}</p>
    ${shown()}`;
}

mount(Pos);
