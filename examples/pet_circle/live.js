// Tips as they arrive; without this script the owner loads the page again.
const list = document.getElementById("tips");
const state = document.getElementById("live");
const source = new EventSource("/owner/live");
const part = (name, text) => Object.assign(document.createElement(name), { textContent: text });
source.onopen = () => { state.textContent = "live"; state.className = "pulse"; };
source.onerror = () => { state.textContent = "connecting…"; state.className = "fine"; };
source.addEventListener("tip", (event) => {
  const tip = JSON.parse(event.data);
  const row = document.createElement("li");
  row.className = "new";
  row.append(part("b", tip.amount), part("span", tip.message ? `${tip.who}: ${tip.message}` : tip.who), part("time", tip.time));
  list.prepend(row);
  document.getElementById("none")?.remove();
});
