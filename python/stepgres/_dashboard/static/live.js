"use strict";
// Keeps the content of a page up to date. Pages work without this script, and then stand still.

const LEAST_PAUSE = 2000; // ms between two refreshes
const POLL = 5000; // ms between refreshes without a stream
const PATIENCE = 5000; // ms until a stream that says nothing counts as held back by a proxy
const SILENCE = 40000; // the server says something every 15 seconds
const TRY_AGAIN = 60000;

const main = document.getElementById("main");
const state = document.getElementById("live");
const streamAddress = document.body.dataset.live;

let stream = null;
let silence = null;
let polling = null;
let refreshing = false;
let wanted = false;
let lastRefresh = 0;

function say(text) {
  if (state.textContent !== text) state.textContent = text;
}

// Refresh now, or as soon as the last refresh is long enough ago. A hidden tab refreshes nothing.
async function refresh() {
  if (document.hidden || refreshing) {
    wanted = true;
    return;
  }
  refreshing = true;
  wanted = false;
  const pause = lastRefresh + LEAST_PAUSE - Date.now();
  if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  if (document.hidden) {
    refreshing = false;
    return; // a tab that is shown again refreshes first
  }
  lastRefresh = Date.now();
  try {
    const answer = await fetch(location.href, {
      headers: {"X-Fragment": "1", "If-None-Match": main.dataset.etag},
      cache: "no-store",
    });
    if (answer.redirected || (answer.status === 200 && !answer.headers.has("ETag"))) {
      location.reload(); // to the login of the application
    } else if (answer.status === 200) {
      update(await answer.text(), answer.headers);
      say(polling ? "Polling" : "Live");
    } else if (answer.status === 304) {
      say(polling ? "Polling" : "Live");
    } else {
      say(answer.status === 503 ? "The database is away" : `No update (${answer.status})`);
    }
  } catch (error) {
    say("The server is away");
  }
  refreshing = false;
  if (wanted) refresh();
}

function update(html, headers) {
  const content = document.createElement("template");
  content.innerHTML = html;
  morphChildren(main, content.content);
  main.dataset.etag = headers.get("ETag");
  document.title = `${decodeURIComponent(headers.get("X-Title"))} · Stepgres`;
  writeTimes();
}

// Change the old nodes into the new ones. Nodes that stay keep their focus, scroll position, fold
// and half-typed text: the browser lets attributes change no field that a person has changed.
function morphChildren(from, to) {
  const known = new Map();
  for (const child of from.children) if (keyOf(child)) known.set(keyOf(child), child);
  const fresh = [...to.childNodes];
  const keys = new Set(fresh.map(keyOf).filter(Boolean));
  let next = from.firstChild;
  for (const node of fresh) {
    while (next && keyOf(next) && !keys.has(keyOf(next))) next = drop(next);
    const key = keyOf(node);
    let match = key ? known.get(key) : next;
    if (!key) while (match && (keyOf(match) || match.nodeName !== node.nodeName)) match = match.nextSibling;
    if (!match || match.nodeName !== node.nodeName) {
      from.insertBefore(node, next);
      continue;
    }
    if (!key) while (next !== match) next = keyOf(next) ? (from.insertBefore(match, next), match) : drop(next);
    else if (match !== next) from.insertBefore(match, next);
    next = match.nextSibling;
    if (node.nodeType === Node.ELEMENT_NODE) morph(match, node);
    else if (match.data !== node.data) match.data = node.data;
  }
  while (next) next = drop(next);
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id : "";
}

function morph(from, to) {
  const keepsFold = from.nodeName === "DETAILS";
  for (const {name} of [...from.attributes]) {
    if (!to.hasAttribute(name) && !(keepsFold && name === "open")) from.removeAttribute(name);
  }
  for (const {name, value} of to.attributes) {
    if (from.getAttribute(name) !== value && !(keepsFold && name === "open")) from.setAttribute(name, value);
  }
  morphChildren(from, to);
}

// The stream says when something has changed.
function listen() {
  stopListening();
  if (!streamAddress || document.hidden) return;
  stream = new EventSource(streamAddress);
  silence = setTimeout(poll, PATIENCE);
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(poll, SILENCE);
    clearInterval(polling);
    polling = null;
  };
  let isNew = true;
  stream.onopen = () => { isNew = true; };
  stream.addEventListener("beat", () => {
    heard();
    if (isNew) refresh(); // what has changed before the stream was open
    isNew = false;
  });
  stream.addEventListener("changed", () => { heard(); refresh(); });
  stream.addEventListener("lost", () => { heard(); say("The database is away"); });
  stream.onerror = () => {
    if (stream && stream.readyState === EventSource.CLOSED) poll();
    else say("Connecting again");
  };
}

// Where a proxy holds the stream back, ask now and then.
function poll() {
  stopListening();
  clearInterval(polling);
  polling = setInterval(refresh, POLL);
  silence = setTimeout(listen, TRY_AGAIN);
  refresh();
}

function stopListening() {
  clearTimeout(silence);
  if (stream) stream.close();
  stream = null;
}

// Times in the time zone of the browser, ages, and how long a thing lasts so far.
const day = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"});

function writeTimes() {
  for (const time of document.querySelectorAll("time")) {
    const moment = new Date(time.dateTime);
    const seconds = (Date.now() - moment) / 1000;
    const style = time.dataset.style;
    let text = day.format(moment);
    if (style === "since") text = lasting(Math.max(seconds, 0));
    else if (style === "ago" && seconds < 86400) text = seconds < 1 ? "now" : `${lasting(seconds)} ago`;
    if (time.textContent !== text) time.textContent = text;
    if (style && time.title !== day.format(moment)) time.title = day.format(moment);
  }
}

function lasting(seconds) {
  const whole = Math.floor(seconds);
  for (const [large, small, size, part] of [["d", "h", 86400, 3600], ["h", "min", 3600, 60], ["min", "s", 60, 1]]) {
    if (whole >= size) {
      const rest = Math.floor((whole % size) / part);
      return `${Math.floor(whole / size)} ${large}` + (rest ? ` ${rest} ${small}` : "");
    }
  }
  return `${whole} s`;
}

// A checkbox that checks all others.
document.addEventListener("change", ({target}) => {
  if (target.dataset && target.dataset.all) {
    for (const box of document.getElementsByName(target.dataset.all)) box.checked = target.checked;
  }
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stopListening();
    clearInterval(polling);
    polling = null;
  } else {
    listen();
  }
});

writeTimes();
setInterval(() => { if (!document.hidden) writeTimes(); }, 1000);
listen();
