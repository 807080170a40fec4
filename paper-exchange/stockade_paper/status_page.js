// Shows the newest page every two seconds; when it can't be had, the old one is greyed and says so.
setInterval(async () => {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(5000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["header", "main"]) document.querySelector(part).replaceWith(page.querySelector(part));
    document.body.classList.remove("stale");
  } catch {
    document.body.classList.add("stale");
  }
}, 2000);
