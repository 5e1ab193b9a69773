/* The configuration of this page: config.js with the page's <meta> on top. */
import { config } from './config.js';

function meta(name) {
  return document.querySelector(`meta[name="lt-${name}"]`)?.content.trim();
}

export const settings = {
  ...config,
  sessions: meta('sessions') || config.sessions,
  socket: meta('socket') || config.socket,
  events: meta('events') ?? config.events,
  login: meta('login') || config.login,
  languages: meta('languages')?.split(/[\s,]+/).filter(Boolean)
    ?? config.languages,
};

/* ws(s)://… for an endpoint that may be a path of this origin. */
export function socketUrl(query) {
  const url = new URL(settings.socket, location.href);

  url.protocol = url.protocol.replace(/^http/, 'ws');
  url.search = new URLSearchParams(query);

  return url.href;
}

/* The same by Server-Sent Events. */
export function eventsUrl(query) {
  const url = new URL(settings.events, location.href);

  url.search = new URLSearchParams(query);

  return url.href;
}

export function sessionUrl(sessionId) {
  return `${settings.sessions.replace(/\/$/, '')}/${sessionId}`;
}

/* adjective-noun-123, as people type it: blanks, capitals, a whole link. */
export function readSessionId(text) {
  const typed = text.trim().toLowerCase();
  const linked = typed.match(/[?&]session=([^&#]*)/);
  const id = (linked ? linked[1] : typed).replace(/[\s_]+/g, '-');

  return /^[a-z]+-[a-z]+-\d{3}$/.test(id) ? id : null;
}
