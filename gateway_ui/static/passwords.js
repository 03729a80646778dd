// Creating a password: one Show for both fields, and the count of met requirements said aloud after a pause.

for (const list of document.querySelectorAll("[data-rules-status]")) {
  const field = document.getElementById(list.dataset.rulesFor);
  const status = document.getElementById(list.dataset.rulesStatus);
  const items = [...list.querySelectorAll("li[data-pattern], li[data-not-pattern]")];
  if (!field || !status || items.length === 0) continue;
  let pause;
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      const met = items.filter((item) => item.dataset.met === "true").length;
      status.textContent = status.dataset.words.replace("{met}", met).replace("{all}", items.length);
    }, 1000);
  });
}

for (const follower of document.querySelectorAll("input[data-shown-with]")) {
  const leader = document.getElementById(follower.dataset.shownWith);
  if (!leader) continue;
  new MutationObserver(() => { follower.type = leader.type; }).observe(leader, { attributeFilter: ["type"] });
  follower.form?.addEventListener("submit", () => { follower.type = "password"; });
}
