// The till: who is selling, which screen is on, and where a hand scanner's text goes.
import { Api } from "../lib/api.js";
import { kindOf } from "../lib/codes.js";
import { Keys } from "../lib/keys.js";
import { clock, language, t } from "../lib/lang.js";
import { exponentOf, money, parseAmount } from "../lib/money.js";
import { hearScanner } from "../lib/scanner.js";
import { forget, read, save, takeFromFragment } from "../lib/session.js";
import { unlockSound } from "../lib/speech.js";
import { Head, html, Icon, mount, useEffect, useLayoutEffect, useRef, useState } from "../lib/view.js";
import { Basket, more, sums, told } from "./basket.js";
import { Cart } from "./cart.js";
import { Customer } from "./customer.js";
import { paired, sessionOf, SignIn, signedIn, signOut, unpair, Welcome } from "./gate.js";
import { History } from "./history.js";
import { Keypad, press } from "./keypad.js";
import { Offline } from "./offline.js";
import { OfflineCode } from "./offlinecode.js";
import { OrderCode } from "./order.js";
import { Paid } from "./paid.js";
import { Sale } from "./sale.js";
import { keepShell } from "./shell.js";
import { ShiftScreen } from "./shift.js";
import { learnShop, shopOf } from "./shop.js";
import { newReference, Till } from "./till.js";
import { Verify } from "./verify.js";

const NAMES = ["key", "store", "terminal", "currency", "pair"];
const LOOKING = ["verify", "history", "sale", "shift"];
const ASIDE = [...LOOKING, "cart"];
const OWED_EVERY_MS = 10_000;
const keys = new Keys();

function Pos() {
  const [pasted, setPasted] = useState(() => takeFromFragment("pos", NAMES));
  const [terminal, setTerminal] = useState(paired);
  const [staff, setStaff] = useState(signedIn);
  const [alone, setAlone] = useState(() => read("pos.alone").chosen === true);
  const again = () => { setTerminal(paired()); setStaff(signedIn()); };
  const entered = (given) => { again(); setPasted(given); };
  const drop = (names) => { const rest = { ...pasted }; for (const name of names) delete rest[name]; save("pos", rest); setPasted(rest); };
  if (pasted.pair || !(pasted.key || terminal)) {
    return html`<${Welcome} code=${pasted.pair} cancel=${terminal && (() => drop(["pair"]))}
      done=${(given) => { drop(["pair", "key", "store", "terminal"]); if (given.key) save("pos", given); entered(given); }} />`;
  }
  if (!pasted.key && !staff && !alone) {
    const choose = () => { save("pos.alone", { chosen: true }); setAlone(true); };
    return html`<${SignIn} terminal=${terminal} done=${again} alone=${choose} leave=${() => { unpair(); again(); }} />`;
  }
  const session = sessionOf(pasted, terminal, staff);
  const leave = () => {
    if (staff && !pasted.key) new Api(staff.secret_key).post("/v1/staff-sessions/end").catch(() => {});
    signOut();
    forget("pos.alone");
    setAlone(false);
    drop(["key"]);
    again();
  };
  return html`<${Open} key=${session.key} session=${session} leave=${leave} />`;
}

function Open({ session, leave }) {
  const [api] = useState(() => Object.assign(new Api(session.key), { ended: leave }));
  const [shop, setShop] = useState(() => shopOf(session));
  const [till] = useState(() => new Till(api, session));
  const [offline] = useState(() => new Offline(session.own ? new Api(session.own) : api, session.terminal));
  const [line, setLine] = useState({ up: navigator.onLine, until: 0, waiting: 0 });
  const [screen, go] = useState({ name: "keypad" });
  const [basket] = useState(() => new Basket(till.place));
  const [cart, keepCart] = useState(() => basket.cart);
  const [typed, setTyped] = useState("");
  const [description, setDescription] = useState("");
  const [word, setWord] = useState("");
  const currency = /^[A-Z]{3}$/.test(session.currency ?? "") ? session.currency : "CNY";
  const amount = parseAmount(typed || "0", currency);
  const latest = useRef({});

  const keypad = () => { till.sale = null; setWord(""); go({ name: "keypad" }); };
  const setCart = (changed) => { basket.cart = changed; keepCart(changed); };
  const next = () => { setTyped(""); setCart(basket.empty); setDescription(""); keypad(); };
  const saleNow = (of = amount) => ({ reference: newReference(), amount: of, currency, description: description.trim() });
  const cartNow = () => ({ reference: newReference(), amount: sums(cart).amount, currency, ...told(cart) });
  const paid = (order) => { till.sale = null; setWord(""); go({ name: "paid", order }); };
  const show = (sale = saleNow()) => go({ name: !navigator.onLine && offline.can(sale) ? "offline" : "order", sale });
  const kept = useRef("");
  latest.current = { scanned: scannedByHand, typed: type, started: () => { kept.current = typed; } };

  // The digits of a hand scanner went to the keypad as well: the amount is what stood there before.
  function scannedByHand(text) {
    setTyped(kept.current);
    return scanned(text, parseAmount(kept.current || "0", currency));
  }

  function scanned(text, charged = amount) {
    setWord("");
    if (screen.name === "offline") return go({ ...screen, text, seen: Date.now() });
    // While receipts are checked nobody is charged, whatever is held under the scanner.
    if (kindOf(text) === "receipt" || LOOKING.includes(screen.name)) return go({ name: "verify", text, seen: Date.now(), from: screen.from ?? screen });
    if (screen.name === "paid") return undefined;
    if (screen.name === "cart") {
      const item = basket.items.find((one) => one.sku === text);
      if (item) return setCart(more(cart, item));
      if (/^[0-9]{12,14}$/.test(text)) return setWord(t("item_unknown", { text }));
    }
    const selling = screen.sale ?? (screen.name === "cart" ? sums(cart).amount && cartNow() : charged ? saleNow(charged) : null);
    if (!selling) return setWord(t("amount_first"));
    // Each scan is a sale of its own, with its own reference: a code is spent by the first attempt.
    return go({ name: "customer", sale: { ...selling, reference: newReference() }, text, seen: Date.now() });
  }

  function type(key) {
    if (screen.name === "keypad") {
      if (key === "Enter") return amount && show();
      setTyped((before) => press(before, key, exponentOf(currency)));
    } else if (screen.name === "paid" && key === "Enter") next();
    return undefined;
  }

  const lineNow = () => setLine({ up: navigator.onLine, until: offline.until, waiting: offline.waiting.length });

  // A till that was reloaded goes on with the sale that was under way.
  async function resume() {
    await offline.start().catch(() => {});
    offline.changed = lineNow;
    lineNow();
    const { sale } = till;
    if (sale) go({ name: sale.offline && offline.find(sale.offline) ? "offline" : "order", sale });
    await Promise.all([catchUp(), keepShell()]);
  }

  // What waits for the line: sales to bring back, references to close, a key to renew. Whoever was paid meanwhile is told.
  async function catchUp() {
    const told = [];
    if (navigator.onLine) {
      try {
        const ended = await offline.adopt();
        told.push(...ended.filter((sale) => sale.status === "paid" && !sale.receipt && till.sale?.offline !== sale.order).map((sale) => sale.answer));
        await offline.renew(currency);
      } catch {
        // The next round asks again.
      }
      if (till.toClose.length > 0) told.push(...await till.settleOwed());
    }
    lineNow();
    const words = told.map((order) => t("paid_after_all", { ...order, amount: money(order.amount, order.currency, language()) }));
    if (words.length > 0) setWord(words.join(" "));
  }

  useEffect(() => {
    keys.refresh();
    learnShop(api, session).then(setShop);
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, unlockSound, true);
    resume();
    const owed = setInterval(catchUp, OWED_EVERY_MS);
    for (const kind of ["online", "offline"]) addEventListener(kind, catchUp);
    return () => {
      clearInterval(owed);
      for (const kind of ["online", "offline"]) removeEventListener(kind, catchUp);
    };
  }, []);
  // Before the screen is drawn, so that the first key on it is heard.
  useLayoutEffect(() => hearScanner({
    scanned: (text) => latest.current.scanned(text),
    typed: (key) => latest.current.typed(key),
    started: () => latest.current.started(),
  }), []);

  const giveUp = (reference) => { till.closeLater(reference); keypad(); };
  const shown = {
    keypad: () => html`<${Keypad} typed=${typed} currency=${currency} amount=${amount} description=${description}
      onKey=${type} onDescription=${setDescription} show=${() => show()}
      customer=${() => go({ name: "customer", sale: saleNow() })} verify=${() => go({ name: "verify" })} items=${() => go({ name: "cart" })} lines=${cart.lines.length} shift=${() => go({ name: "shift" })}
      history=${() => go({ name: "history" })} leave=${leave} leaveLabel=${t("leave")} />`,
    shift: () => html`<${ShiftScreen} api=${api} session=${session} currency=${currency} />`,
    cart: () => html`<${Cart} basket=${basket} cart=${cart} setCart=${setCart} currency=${currency}
      show=${() => show(cartNow())} customer=${() => go({ name: "customer", sale: cartNow() })} />`,
    order: () => html`<${OrderCode} key=${screen.sale.reference} api=${api} till=${till} sale=${screen.sale} offline=${offline}
      signed=${() => go({ name: "offline", sale: screen.sale })} paid=${paid} keypad=${keypad} giveUp=${giveUp} />`,
    offline: () => html`<${OfflineCode} key=${screen.sale.reference} offline=${offline} till=${till} keys=${keys} sale=${screen.sale} text=${screen.text}
      seen=${screen.seen} found=${scanned} paid=${paid} keypad=${next} />`,
    customer: () => html`<${Customer} key=${screen.seen} api=${api} till=${till} sale=${screen.sale} text=${screen.text}
      found=${scanned} paid=${paid} keypad=${keypad} giveUp=${giveUp} />`,
    paid: () => html`<${Paid} order=${screen.order} next=${next} receipt=${() => go({ name: "sale", order: screen.order })} />`,
    verify: () => html`<${Verify} key=${screen.seen} keys=${keys} till=${till} text=${screen.text} found=${scanned} />`,
    history: () => html`<${History} api=${api} session=${session} currency=${currency} waiting=${offline.waiting} open=${(order) => go({ name: "sale", order, list: true })} />`,
    sale: () => html`<${Sale} api=${api} session=${session} order=${screen.order} shop=${shop} />`,
  }[screen.name];
  // From a receipt one goes back to the sale that was under way, if any.
  const back = ASIDE.includes(screen.name) ? () => (screen.name === "sale" ? (screen.list ? go({ name: "history" }) : next()) : screen.from?.sale ? go(screen.from) : keypad()) : null;
  return html`
    ${screen.name !== "paid" && html`<${Head} name=${shop.name || t("pos")} back=${back}><${Line} line=${line} /><span class="fine who">${session.who}</span><//>`}
    <p role="status" aria-live="polite" class=${word ? "notice" : "unseen"}>${word && html`<${Icon} name="warn" />${word}`}</p>
    ${shown()}`;
}

/** How the line is: a quiet mark while all is well, words when it is down or something waits. */
function Line({ line: { up, until, waiting } }) {
  if (up && !waiting) {
    return until ? html`<span class="line" role="img" data-ready=${until} aria-label=${t("offline_ready", { time: clock(until) })}><${Icon} name="shield" /></span>` : null;
  }
  return html`<span class="badge line" role="status" data-waiting=${waiting} data-up=${String(up)}><${Icon} name="away" />
    <span class=${up || waiting ? "unseen" : ""}>${up ? t("offline_catching_up") : t("offline_badge")}</span>${waiting > 0 ? waiting : ""}</span>`;
}

mount(Pos);
