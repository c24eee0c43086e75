const [role, name] = arguments;
const selectors = {
  button: "button:not([role]), [role=button], input[type=submit]",
  tab: "[role=tab]",
  link: "a[href]",
  heading: "h1, h2, h3",
  field: "input:not([type=hidden]), select, textarea",
  dialog: "dialog, [role=dialog]",
  status: "[role=status]",
};
function text(element) {
  const copy = element.cloneNode(true);
  for (const silent of copy.querySelectorAll("[aria-hidden=true]")) silent.remove();
  return copy.textContent.trim().replace(/\s+/g, " ");
}
const nameOf = (element) => element.getAttribute("aria-label") ?? text(element.labels?.[0] ?? element);
const isThere = (element) => element.checkVisibility() && !element.closest("[aria-busy=true], [inert]");
return [...document.querySelectorAll(selectors[role])].find((one) => nameOf(one) === name && isThere(one)) ?? null;
