/* A JavaScript program as people write them: an event for every request. */
let count = 0;

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url);
  count++;
  switch (pathname) {
    case '/count':
      return new Response(`${count}\n`);
    case '/echo':
      return new Response(await request.text(), { headers: { 'x-method': request.method } });
    case '/stream':
      return new Response(request.body);
    case '/fetch': {
      const response = await fetch(searchParams.get('url'));
      return new Response(`${response.status} ${await response.text()}`);
    }
    case '/throw':
      throw new Error('a fault of the program');
    default:
      console.log(`asked for ${pathname}`);
      return new Response(`hello from ${pathname}\n`, { headers: { 'content-type': 'text/plain' } });
  }
}

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));
