const [role, name] = arguments;
const selectors = {
  button: "button:not([role]), [role=button], input[type=submit]",
  tab: "[role=tab]",
  link: "a[href]",
  heading: "h1, h2, h3",
  field: "input:not([type=hidden]), select, textarea",
  dialog: "dialog, [role=dialog]",
  status: "[role=status]",
  alert: "[role=alert]",
};
const isThere = (element) => element.checkVisibility() && !element.closest("[aria-busy=true], [inert]");
return [...document.querySelectorAll(selectors[role])].find((one) => nameOf(one) === name && isThere(one)) ?? null;
