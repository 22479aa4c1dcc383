// A one-time link carries its code behind the `#`, which browsers keep to themselves.
const code = location.hash.slice(1);
const field = document.querySelector("input[name=code]");
if (code && field) {
  field.value = code;
  history.replaceState(null, "", location.pathname);
}
