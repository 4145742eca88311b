// The controls of /demo; they are kept in the address, such as /demo#lang=de&developer=on.

const page = document.querySelector("unmask-camera");
const form = document.forms[0];
const kept = new URLSearchParams(location.hash.slice(1));

for (const field of form.elements) {
  if (!kept.has(field.name)) continue;
  if (field.type === "checkbox") field.checked = true;
  else field.value = kept.get(field.name);
}

function apply() {
  const wished = [...new FormData(form)].filter(([, value]) => value);
  for (const { name } of form.elements) {
    const found = wished.find(([key]) => key === name);
    if (found) page.setAttribute(name, found[1]);
    else page.removeAttribute(name);
  }
  if (!page.lang) page.lang = navigator.language; // the element would take this document's
  const theme = page.getAttribute("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  history.replaceState(null, "", `#${new URLSearchParams(wished)}`);
}

form.addEventListener("change", apply);
apply();
