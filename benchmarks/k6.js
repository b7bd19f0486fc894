// The kit's scenarios for k6. `qrpay bench seed` writes the credentials.
//
//   k6 run benchmarks/k6.js                                    a mixed day in a minute, open loop
//   k6 run -e SCENARIO=hot -e VUS=64 benchmarks/k6.js          closed loop: hot, spread, till, orders,
//                                                              statements, balance
//   k6 run -e SCENARIO=hot -e RATE=500 benchmarks/k6.js        open loop: so many a second, whatever the server does
//
// -e CREDENTIALS=../bench/credentials.json  (a path from this file)   -e SECONDS=30
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';

const town = JSON.parse(open(__ENV.CREDENTIALS || '../bench/credentials.json'));
const shops = town.merchants;
const people = town.customers;
const base = __ENV.URL || town.base_url;
const seconds = Number(__ENV.SECONDS || 60);
const chosen = __ENV.SCENARIO || 'day';

// How busy each hour is, of the busiest, noon; the second peak is the evening's shopping. As in benchmarks/day.py.
const HOURS = [2, 1, 1, 1, 2, 4, 12, 30, 38, 36, 45, 78, 100, 66, 42, 40, 46, 70, 96, 88, 60, 38, 18, 6];

function load() {
  if (chosen === 'day') {
    const peak = Number(__ENV.RATE || 200);
    return {
      executor: 'ramping-arrival-rate', startRate: Math.ceil(peak * HOURS[0] / 100), timeUnit: '1s',
      preAllocatedVUs: 100, maxVUs: 1000,
      stages: HOURS.map((busy) => ({ target: Math.ceil(peak * busy / 100), duration: `${seconds / 24}s` })),
    };
  }
  if (__ENV.RATE) {
    return {
      executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s', duration: `${seconds}s`,
      preAllocatedVUs: 100, maxVUs: 1000,
    };
  }
  return { executor: 'constant-vus', vus: Number(__ENV.VUS || 64), duration: `${seconds}s` };
}

export const options = {
  scenarios: { [chosen]: load() },
  // Whatever was answered must be right; an open loop that could not be offered is no measurement.
  thresholds: { checks: ['rate==1'], dropped_iterations: ['count==0'] },
  summaryTrendStats: ['med', 'p(90)', 'p(99)', 'max', 'count'],
};

function zipf(things) {
  // The inverse of the harmonic sum, near enough: the n-th is chosen 1/n as often as the first.
  return things[Math.min(things.length - 1, Math.floor((things.length + 1) ** Math.random()) - 1)];
}

function any(things) {
  return things[Math.floor(Math.random() * things.length)];
}

function ask(path, bearer, body, name, good) {
  const answer = http.post(base + path, JSON.stringify(body), {
    headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' }, tags: { name },
  });
  const held = check(answer, { [`${name} is ${good}`]: (one) => one.status === good });
  return held ? answer.json() : null;
}

function bill() {
  // Unique over all virtual users and runs, so that no request is taken for another one sent again.
  const reference = `${exec.scenario.startTime}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
  return { reference, amount: 1 + Math.floor(Math.random() * 5000), currency: 'CNY' };
}

function shopAndPay(shop, payer) {
  const order = ask('/v1/orders', shop.secret_key, bill(), 'order', 201);
  if (order === null) return;
  const scanned = { scanned: order.code.payload };
  ask('/v1/scans', payer.access_token, scanned, 'scan', 200);
  const paid = ask('/v1/payments', payer.access_token, scanned, 'pay', 201);
  if (paid !== null) check(paid, { 'paid what was owed': (one) => one.amount === order.amount });
}

function read(part, name) {
  const reader = zipf(people);
  const answer = http.get(`${base}/v1/accounts/${reader.account}${part}`, {
    headers: { Authorization: `Bearer ${reader.access_token}` }, tags: { name },
  });
  check(answer, { [`${name} is 200`]: (one) => one.status === 200 });
}

const stories = {
  hot: () => shopAndPay(shops[0], any(people)),
  spread: () => shopAndPay(zipf(shops), zipf(people)),
  till: () => {
    const shown = ask('/v1/payment-codes', zipf(people).access_token, {}, 'payment code', 201);
    if (shown === null) return;
    const report = Object.assign(bill(), { scanned: shown.digits });
    ask('/v1/callbacks/scan', zipf(shops).secret_key, report, 'charge', 200);
  },
  orders: () => ask('/v1/orders', zipf(shops).secret_key, bill(), 'order', 201),
  statements: () => read('/entries', 'statement'),
  balance: () => read('', 'balance'),
  day: () => {
    const draw = Math.random() * 100;
    stories[draw < 55 ? 'spread' : draw < 85 ? 'till' : draw < 90 ? 'statements' : 'balance']();
  },
};

export default function () {
  stories[chosen]();
}
