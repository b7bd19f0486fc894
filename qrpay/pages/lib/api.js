// The one place that calls the server. Every refusal arrives as a Problem with the server's own words (RFC 9457).
import { language } from "./lang.js";

/** The server said no. `code` is stable; `title` and `detail` are in the page's language; `body` is the whole document. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? "http_error";
    this.title = body.title ?? `HTTP ${status}`;
    this.detail = body.detail ?? "";
    this.fields = body.errors ?? [];
    this.body = body;
  }

  /** Whether the outcome is open: the same request must be sent again to learn it. */
  get unknown() {
    return this.status >= 500;
  }
}

/** No answer came: the request may or may not have arrived. */
export class Unreachable extends Error {
  unknown = true;
}

export class Api {
  /** `credential` is a bearer token or null; it only ever travels in the Authorization header. `cookie`: a session in a cookie. */
  constructor(credential = null, { cookie = false } = {}) {
    this.credential = credential;
    this.cookie = cookie;
  }

  /** Told when the server no longer knows the credential: it was taken away, or its time is over. */
  ended = () => {};

  get(path, options = {}) {
    return this.call("GET", path, options);
  }

  post(path, body, options = {}) {
    return this.call("POST", path, { ...options, body });
  }

  /** The answer's JSON (or text, for anything else). Throws Problem or Unreachable; an abort passes through. */
  async call(method, path, { body, file, signal, key, timeout = 20_000 } = {}) {
    const limit = AbortSignal.timeout(timeout);
    let answer, text;
    try {
      answer = await fetch(path, {
        method,
        headers: this.headers({
          ...(body && { "Content-Type": "application/json" }),
          ...(file && { "Content-Type": file.type || "application/octet-stream" }),
          ...(key && { "Idempotency-Key": key }),
        }),
        body: file ?? (body && JSON.stringify(body)),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        cache: "no-store",
        credentials: this.cookie ? "same-origin" : "omit",
      });
      text = await answer.text();
    } catch (reason) {
      if (signal?.aborted) throw reason;
      throw new Unreachable(reason.message);
    }
    const json = (answer.headers.get("Content-Type") ?? "").includes("json") ? parsed(text) : null;
    if (answer.status === 401) this.ended();
    if (!answer.ok) throw new Problem(answer.status, json ?? {});
    return json ?? text;
  }

  /** A file, such as a sheet to print. Throws as `call` does. */
  async file(path) {
    let answer;
    try {
      answer = await fetch(path, { headers: this.headers(), cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(20_000) });
    } catch (reason) {
      throw new Unreachable(reason.message);
    }
    if (!answer.ok) throw new Problem(answer.status, parsed(await answer.text()) ?? {});
    return answer.blob();
  }

  /** Headers of every call, also of the event stream. */
  headers(more = {}) {
    // No other site's page can send this header, so what bears it with our cookie came from here.
    const known = { "Accept-Language": language(), ...(this.cookie && { "X-Requested-With": "qrpay" }), ...more };
    return this.credential ? { Authorization: `Bearer ${this.credential}`, ...known } : known;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Wait that long; ends early (quietly) when the signal aborts. */
export function pause(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
  });
}

/**
 * Follow an order until `settled(order)`, by GET …?wait=30 in a loop; every state seen goes to `seen(order)`.
 * `trouble(reason | null)` hears of a lost connection and of its return. Ends when the signal aborts.
 */
export async function follow(api, path, { settled, seen, trouble, signal }) {
  for (let failures = 0, first = true; !signal.aborted; first = false) {
    try {
      const order = await api.get(first ? path : `${path}?wait=30`, { signal, timeout: 45_000 });
      if (failures > 0) trouble(null);
      failures = 0;
      seen(order);
      if (settled(order)) return;
    } catch (reason) {
      if (signal.aborted) return;
      failures += 1;
      trouble(reason);
      if (reason instanceof Problem && !reason.unknown && reason.status !== 429) return;
      await pause(Math.min(500 * 2 ** failures, 8000), signal);
    }
  }
}
