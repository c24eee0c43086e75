function text(element) {
  const copy = element.cloneNode(true);
  for (const silent of copy.querySelectorAll("[aria-hidden=true]")) silent.remove();
  return copy.textContent.trim().replace(/\s+/g, " ");
}
const nameOf = (element) => element.getAttribute("aria-label") ?? text(element.labels?.[0] ?? element);
