// The wallet: who is here, which screen is on, and what the event stream tells. The screens themselves stand beside it.
import { Api } from "../lib/api.js";
import { Keys } from "../lib/keys.js";
import { language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { forget, save, takeFromFragment } from "../lib/session.js";
import { listen } from "../lib/stream.js";
import { CredentialForm, Head, html, Icon, mount, nameOf, useCallback, useEffect, useRef, useState } from "../lib/view.js";
import { Confirm } from "./confirm.js";
import { History } from "./history.js";
import { Home } from "./home.js";
import { MyCode } from "./mycode.js";
import { Done, Review } from "./pay.js";
import { Scan } from "./scan.js";

const keys = new Keys();

function Wallet() {
  const [session, setSession] = useState(() => takeFromFragment("wallet", ["token"]));
  if (!session.token) {
    const enter = ({ token }) => { save("wallet", { token }); setSession({ token }); };
    return html`<${Head} name=${t("wallet")} />
      <${CredentialForm} title=${t("wallet_welcome")} hint=${t("wallet_token_hint")} done=${enter}
        fields=${[{ name: "token", label: t("access_token"), required: true, secret: true }]} />`;
  }
  const leave = () => { forget("wallet"); setSession({}); };
  return html`<${Signed} key=${session.token} api=${new Api(session.token)} leave=${leave} />`;
}

function Signed({ api: made, leave }) {
  const [api] = useState(made);
  const [screen, setScreen] = useState(firstScreen);
  const [accounts, setAccounts] = useState({ data: null, trouble: null });
  const [asked, setAsked] = useState(null);
  const [news, setNews] = useState("");
  const [live, setLive] = useState("live");
  const place = useRef(screen);
  place.current = screen;
  const go = (next) => { setNews(""); setScreen(next); };
  const home = () => go({ name: "home" });

  const reload = useCallback(async () => {
    try {
      const answer = await api.get("/v1/accounts");
      setAccounts({ data: answer.data ?? answer, trouble: null });
    } catch (reason) {
      setAccounts((before) => ({ ...before, trouble: reason }));
    }
  }, [api]);

  useEffect(() => {
    const ending = new AbortController();
    reload();
    keys.refresh();
    listen(api, "/v1/events/stream", { hear, state: setLive, signal: ending.signal });
    return () => ending.abort();
  }, []);

  function hear(event) {
    const data = event.data.data ?? event.data;
    const type = (event.type === "message" ? event.data.type ?? "" : event.type).split(".").at(-1);
    if (type === "confirm") return setAsked(data);
    if (!["paid", "received", "refunded"].includes(type)) return undefined;
    reload();
    if (type === "paid") {
      setAsked((sheet) => (sheet?.order === data.order ? null : sheet));
      // A shop scanned the code on the screen: what was paid takes its place. What was paid on this page is shown already.
      if (place.current.name === "mycode") return go({ name: "done", payment: data });
      if (["review", "done"].includes(place.current.name)) return undefined;
    }
    const amount = data.amount && data.currency ? money(data.amount, data.currency, language()) : "";
    return setNews(t(`news_${type}`, { amount, payee: nameOf(data.payee) }));
  }

  const paid = (payment) => { setAsked(null); reload(); go({ name: "done", payment }); };
  const shown = {
    home: () => html`<${Home} api=${api} accounts=${accounts} reload=${reload} go=${go} leave=${leave} />`,
    scan: () => html`<${Scan} found=${(text) => go({ name: "review", text })} />`,
    review: () => html`<${Review} key=${screen.text ?? screen.order} api=${api} keys=${keys} text=${screen.text} order=${screen.order} amount=${screen.amount}
      paid=${paid} again=${() => go({ name: "scan" })} />`,
    done: () => html`<${Done} api=${api} payment=${screen.payment} home=${home} />`,
    mycode: () => html`<${MyCode} api=${api} />`,
    history: () => html`<${History} api=${api} />`,
  }[screen.name];
  return html`
    <${Head} name=${t("wallet")} back=${screen.name === "home" ? null : home}>
      ${live === "away" && html`<span class="fine away"><${Icon} name="warn" />${t("not_live")}</span>`}
    <//>
    <p role="status" aria-live="polite" class=${news ? "news" : "unseen"}>${news && html`<span>${news}</span>
      <button type="button" class="quiet" onClick=${() => setNews("")}>${t("dismiss")}</button>`}</p>
    ${shown()}
    ${asked && html`<${Confirm} api=${api} ask=${asked} paid=${paid} close=${() => setAsked(null)} />`}`;
}

// The cashier page sends a phone here with the order it shows.
function firstScreen() {
  const asked = new URLSearchParams(location.search);
  const order = asked.get("order");
  if (!order) return { name: "home" };
  history.replaceState(null, "", location.pathname);
  return { name: "review", order, amount: asked.get("amount") };
}

mount(Wallet);
