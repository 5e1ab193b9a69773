/* The page's own words, in the language that the listener chose. One file per
   language in words/; what it lacks is said in English. */
import english from './words/en.js';

const translated = ['es', 'fr', 'de', 'it', 'pt', 'ja', 'ko', 'zh', 'ar'];

let words = english;

export async function speakLanguage(code) {
  words = english;
  if (translated.includes(code)) {
    const own = await import(`./words/${code}.js`);
    words = { ...english, ...own.default };
  }
  document.documentElement.lang = words === english ? 'en' : code;
  document.documentElement.dir = code === 'ar' ? 'rtl' : 'ltr';
  fill(document);
}

export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/* data-say: the text; data-say-label: the accessible name. */
function fill(root) {
  for (const node of root.querySelectorAll('[data-say]')) {
    node.textContent = say(node.dataset.say);
  }
  for (const node of root.querySelectorAll('[data-say-label]')) {
    node.setAttribute('aria-label', say(node.dataset.sayLabel));
    node.title = say(node.dataset.sayLabel);
  }
}
