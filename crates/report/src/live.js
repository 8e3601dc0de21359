// Asks for the page again every two seconds and puts it in its own place, until nobody answers.
const timer = setInterval(async () => {
  const main = document.querySelector("main");
  try {
    const answer = await fetch("/", { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("main");
    if (now.innerHTML !== main.innerHTML) main.replaceWith(document.importNode(now, true));
  } catch {
    clearInterval(timer);
    document.querySelector("#state").textContent = "The run has ended, or was stopped. The page of a finished run is report.html in its folder.";
  }
}, 2000);
