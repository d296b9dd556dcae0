// Local time on hover, and buttons that copy. Every page is complete without it.
(() => {
  const enhance = root => {
    for (const time of root.querySelectorAll('time[datetime]')) {
      const local = new Date(time.dateTime);
      if (!isNaN(local)) time.title = local.toLocaleString(undefined, {dateStyle: 'full', timeStyle: 'long'});
    }
    for (const box of root.querySelectorAll('.copy:not(:has(button))')) {
      const button = Object.assign(document.createElement('button'), {type: 'button', className: 'quiet', textContent: 'Copy'});
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(box.querySelector('pre').textContent.trim());
        button.textContent = 'Copied';
        setTimeout(() => { button.textContent = 'Copy'; }, 2000);
      });
      box.append(button);
    }
  };
  const start = () => {
    enhance(document);
    document.addEventListener('htmx:after:swap', () => enhance(document));
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
