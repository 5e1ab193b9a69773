/* Languages by their own name, and in English for those who help others. */
import { settings } from './settings.js';

const names = {
  en: ['English', 'English'], es: ['Español', 'Spanish'],
  fr: ['Français', 'French'], de: ['Deutsch', 'German'],
  it: ['Italiano', 'Italian'], pt: ['Português', 'Portuguese'],
  ja: ['日本語', 'Japanese'], ko: ['한국어', 'Korean'],
  zh: ['中文', 'Chinese'], ar: ['العربية', 'Arabic'],
  ca: ['Català', 'Catalan'], da: ['Dansk', 'Danish'],
  fi: ['Suomi', 'Finnish'], hi: ['हिन्दी', 'Hindi'],
  nl: ['Nederlands', 'Dutch'], no: ['Norsk', 'Norwegian'],
  pl: ['Polski', 'Polish'], ru: ['Русский', 'Russian'],
  sv: ['Svenska', 'Swedish'], tr: ['Türkçe', 'Turkish'],
};

const standard = ['en', 'es', 'fr', 'de', 'it', 'pt', 'ja', 'ko', 'zh', 'ar'];

/* Recognised by no service we use: to be heard in, not to be spoken. */
const heardOnly = ['ca'];

export function offeredLanguages() {
  return [...new Set([...standard, ...settings.languages])]
    .filter((code) => /^[a-z]{2}$/.test(code));
}

export function spokenLanguages() {
  return offeredLanguages().filter((code) => !heardOnly.includes(code));
}

export function nativeName(code) {
  return names[code]?.[0] ?? code?.toUpperCase() ?? '';
}

export function englishName(code) {
  return names[code]?.[1] ?? code?.toUpperCase() ?? '';
}

export function isRightToLeft(code) {
  return code === 'ar';
}

/* What the browser's owner reads, if it is offered. */
export function preferredLanguage(fallback) {
  const offered = offeredLanguages();
  const wanted = (navigator.languages ?? []).map((tag) => tag.slice(0, 2));

  return wanted.find((code) => offered.includes(code)) ?? fallback;
}
