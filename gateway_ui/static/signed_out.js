// Goes on as soon as every application has heard of the end, and without those that do not answer in time.

const onward = document.getElementById("onward");
if (onward) {
  const go = () => location.replace(onward.href);
  if (document.readyState === "complete") {
    go();
  } else {
    addEventListener("load", go, { once: true });
    setTimeout(go, 1000 * Number(onward.dataset.seconds));
  }
}
