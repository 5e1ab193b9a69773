/* What everyone needs of a page, measured in it as it stands: names, labels,
   one heading, contrast, room for a finger, no sideways scrolling. Returns a
   list of complaints in words. */
export function complaints(page) {
  return page.evaluate(inPage);
}

function inPage() {
  const found = [];
  const visible = (node) => node.checkVisibility({ visibilityProperty: true });
  const all = (selector) =>
    [...document.querySelectorAll(selector)].filter(visible);
  const describe = (node) =>
    `${node.tagName.toLowerCase()}#${node.id || node.className || '?'}`;

  const nameOf = (node) => node.getAttribute('aria-label')
    || (node.getAttribute('aria-labelledby') ?? '').split(' ')
      .map((id) => document.getElementById(id)?.textContent).join('')
    || [...(node.labels ?? [])].map((label) => label.textContent).join('')
    || node.textContent;

  for (const node of all('button, a[href], input, select, [role=meter], [role=log], [role=img], dialog')) {
    if (!nameOf(node).trim()) {
      found.push(`${describe(node)} has no name`);
    }
  }
  for (const node of all('img')) {
    if (!node.hasAttribute('alt')) {
      found.push(`${describe(node)} has no alt`);
    }
  }
  for (const node of all('button, a.button, select, input[type=text]')) {
    const { width, height } = node.getBoundingClientRect();
    if (width < 40 || height < 40) {
      found.push(`${describe(node)} is only ${width} by ${height} px`);
    }
  }
  if (document.querySelector('[tabindex]:not([tabindex="0"], [tabindex="-1"])')) {
    found.push('a tabindex changes the order of focus');
  }
  if (!document.documentElement.lang || !document.title) {
    found.push('the page has no language or no title');
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) {
    found.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  }

  /* Contrast (WCAG 2.2, 1.4.3): the browser itself turns colours into sRGB. */
  const paint = document.createElement('canvas').getContext('2d',
    { willReadFrequently: true });
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return paint.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const groundOf = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) {
        return colour;
      }
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);

  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !visible(node)
        || node.closest(':disabled, .unseen, script, noscript')) {
      continue;
    }
    const style = getComputedStyle(node);
    const [a, b] = [luminance(rgba(style.color)), luminance(groundOf(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);

    if (ratio < (large ? 3 : 4.5)) {
      found.push(`"${walker.currentNode.data.trim().slice(0, 30)}" has contrast ${ratio.toFixed(2)}`);
    }
  }
  return [...new Set(found)];
}

/* What Tab reaches, by id, until it comes round. */
export async function tabOrder(page, max = 40) {
  const order = [];

  for (let i = 0; i < max; i++) {
    await page.keyboard.press('Tab');
    const id = await page.evaluate(() => document.activeElement.id
      || document.activeElement.value || document.activeElement.className
      || document.activeElement.tagName);
    if (id === 'BODY' || order.includes(id)) {
      break;
    }
    order.push(id);
  }
  return order;
}
