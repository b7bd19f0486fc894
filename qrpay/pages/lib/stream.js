// Server-sent events over fetch, since EventSource cannot send Authorization. Resumes at the last event it saw.
import { pause } from "./api.js";

const SILENCE_MS = 90_000;

/**
 * Hear the wallet's events until the signal aborts. `hear({id, type, data})` gets each once, in order;
 * `state("live" | "away")` tells how the connection is.
 */
export async function listen(api, path, { hear, state, signal }) {
  let lastId = null;
  for (let failures = 0; !signal.aborted; ) {
    const silence = new AbortController();
    try {
      const answer = await fetch(path, {
        headers: api.headers({ Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) }),
        signal: AbortSignal.any([signal, silence.signal]),
        cache: "no-store",
        credentials: "omit",
      });
      if (answer.status === 401 || answer.status === 403) return state("away");
      if (answer.status === 400) lastId = null; // an event it does not know: begin from now
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      state("live");
      failures = 0;
      for await (const event of eventsOf(answer.body, () => silence.abort())) {
        if (event.id) lastId = event.id;
        if (event.data) hear(event);
      }
    } catch {
      if (signal.aborted) return undefined;
    }
    state("away");
    failures += 1;
    // A little chance keeps a thousand phones from coming back in the same moment.
    await pause(Math.min(500 * 2 ** failures, 15_000) * (0.5 + Math.random() / 2), signal);
  }
  return undefined;
}

async function* eventsOf(body, silent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const timer = setTimeout(silent, SILENCE_MS);
    const { value, done } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield eventOf(block);
  }
}

/** One block of the stream; data is parsed as JSON, `null` for a comment or a beat. */
function eventOf(block) {
  const event = { id: null, type: "message", data: null };
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === "id") event.id = value;
    if (field === "event") event.type = value;
    if (field === "data") data.push(value);
  }
  if (data.length > 0) {
    try {
      event.data = JSON.parse(data.join("\n"));
    } catch {
      event.data = null;
    }
  }
  return event;
}
