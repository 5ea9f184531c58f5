import { defineConfig } from 'vite';

// What the built page may load: its own files, and anything over HTTP that its configuration names. No script but its own.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src http: https:; base-uri 'none'; form-action 'none'";

export default defineConfig({
  // Wherever it is put.
  base: './',
  build: { target: 'es2022', modulePreload: { polyfill: false } },
  plugins: [
    {
      name: 'content-security-policy',
      // Not while developing: vite itself uses inline scripts and styles then.
      apply: 'build',
      transformIndexHtml: () => [
        { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
      ],
    },
  ],
});
