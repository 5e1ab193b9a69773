/* Failures in plain words: what happened, and what to do. */
export const startFailures = {
  'denied': ['The browser may not use the microphone.',
    'Click the lock or microphone sign beside the address, allow the microphone, then start again.'],
  'none': ['No microphone was found.',
    'Plug one in or choose another above, then start again.'],
  'busy-microphone': ['Another program is using the microphone.',
    'Close video calls and recorders, then start again.'],
  'insecure': ['The browser gives the microphone to secure pages only.',
    'Open this page with https:// in its address.'],
  'broken': ['The microphone could not be started.',
    'Reload the page. If it happens again, try another browser.'],
  'unreachable': ['The server does not answer.',
    'Check your network connection, then start again.'],
  'busy': ['The server cannot take a new talk at the moment.',
    'Wait a few seconds, then start again.'],
  'unauthorized': ['The server did not let you start a talk.',
    'Ask the organiser whether you need to sign in.'],
  'refused': ['The server refused the talk.',
    'Choose another language, or tell the organiser what stands here: {text}'],
};

export const endings = {
  'done': 'Your listeners have heard your last sentences, or will in a few seconds.',
  'ended': 'The connection was away for too long, so the server closed the talk. Start another one and share its new link.',
  'not-found': 'The server no longer knows this talk. Start another one and share its new link.',
  'refused': 'The server closed this talk: {text}',
  'replaced': 'This talk goes on in another window. This one is silent now.',
  'gave-up': 'The connection could not be restored. Check your network, then start another talk.',
};

export const notices = {
  'lost-audio': 'The network was away for too long: {seconds} s of your words did not get through. You may want to repeat them.',
  'slow': 'Your network is slow at the moment. Your words are kept and sent as it allows.',
  'away': 'The connection is away. Keep talking: what you say is kept for a minute, and sent when it is back.',
  'behind': 'What you said meanwhile is being sent. Keep talking.',
  'microphone-lost': 'The microphone was unplugged or taken away. End this talk or plug it in and reload.',
  'interrupted': 'Your device has taken the microphone away, for example for a call. Come back to this page to go on.',
  'server': 'The server says: {text}',
};

export const links = {
  connecting: 'Connecting…',
  open: 'Connected',
  waiting: 'Connection lost. Trying again…',
  closed: 'Closed',
};

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}
