// Conveniences only: copy buttons, a filter for long lists, and the current section marked. Pages are complete without.
"use strict";

for (const figure of document.querySelectorAll("figure.code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const text = figure.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(figure.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return;
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  figure.querySelector("figcaption").append(button);
}

const filter = document.querySelector(".filter");
if (filter) {
  filter.hidden = false;
  const input = filter.querySelector("input");
  const lists = document.querySelectorAll(filter.closest("nav") ? "nav.side section" : "main section.block");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const list of lists) {
      let any = false;
      for (const item of list.querySelectorAll("li")) {
        const text = (item.textContent + " " + item.querySelector("a").hash).toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
        any ||= !item.hidden;
      }
      list.hidden = !any;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|textarea)$/i.test(event.target.tagName)) {
      event.preventDefault();
      input.focus();
    }
  });
}

// On a phone a link of the open menu leads to its place on the page, so the menu closes.
const menu = document.querySelector("#menu");
document.querySelector("nav.side").addEventListener("click", (event) => {
  if (event.target.closest("a")) menu.checked = false;
});

const marks = new Map();
for (const link of document.querySelectorAll(".toc a, nav.side a[href^='#']")) {
  const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (target) marks.set(target, link);
}
if (marks.size && "IntersectionObserver" in window) {
  let current;
  const observer = new IntersectionObserver(
    (entries) => {
      const seen = entries.find((entry) => entry.isIntersecting);
      if (!seen) return;
      current?.removeAttribute("aria-current");
      current = marks.get(seen.target);
      current.setAttribute("aria-current", "true");
      const side = current.closest("nav");
      const place = current.offsetTop - side.clientHeight / 2;
      if (Math.abs(side.scrollTop - place) > side.clientHeight / 3) side.scrollTop = place;
    },
    { rootMargin: "-70px 0px -65% 0px" },
  );
  for (const target of marks.keys()) observer.observe(target);
}
