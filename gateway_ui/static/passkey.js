// Passkeys: asks the browser for one, and sends the answer as an ordinary form. Loaded by pages that offer it;
// without it, or where the browser knows no passkeys, the page's other ways remain.

const forms = document.querySelectorAll("form[data-passkey]");
const known = typeof PublicKeyCredential === "function" && Boolean(navigator.credentials);

// --- JSON to what the browser wants, and back (WebAuthn Level 3, with the same by hand for older browsers) ---

const toBytes = (text) => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0)).buffer;
};

const toText = (buffer) => {
  let plain = "";
  for (const byte of new Uint8Array(buffer)) plain += String.fromCharCode(byte);
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

const withBytes = (list) => (list || []).map((item) => ({ ...item, id: toBytes(item.id) }));

const parseRequest = (json) => {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return { ...json, challenge: toBytes(json.challenge), allowCredentials: withBytes(json.allowCredentials) };
};

const parseCreation = (json) => {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  return {
    ...json,
    challenge: toBytes(json.challenge),
    user: { ...json.user, id: toBytes(json.user.id) },
    excludeCredentials: withBytes(json.excludeCredentials),
  };
};

const answerToJson = (credential) => {
  if (typeof credential.toJSON === "function") {
    try {
      return credential.toJSON();
    } catch {
      // Some password managers replace the object and break its method: read the parts instead.
    }
  }
  const { response } = credential;
  const parts = { clientDataJSON: toText(response.clientDataJSON) };
  if (response.attestationObject) {
    parts.attestationObject = toText(response.attestationObject);
    parts.transports = response.getTransports ? response.getTransports() : [];
  } else {
    parts.authenticatorData = toText(response.authenticatorData);
    parts.signature = toText(response.signature);
    if (response.userHandle) parts.userHandle = toText(response.userHandle);
  }
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment || undefined,
    clientExtensionResults: credential.getClientExtensionResults ? credential.getClientExtensionResults() : {},
    response: parts,
  };
};

// --- One ceremony ---

let running = null;

const options = async (form) => {
  const answer = await fetch(form.dataset.options, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ csrf_token: form.elements.csrf_token.value }),
    credentials: "same-origin",
    redirect: "error",
  });
  if (!answer.ok) throw new Error("no options");
  return answer.json();
};

const ask = async (form, mediation) => {
  if (running) running.abort();
  const mine = running = new AbortController();
  const json = await options(form);
  if (mine.signal.aborted) throw new DOMException("superseded", "AbortError");
  if (form.dataset.passkey === "create") {
    return navigator.credentials.create({ publicKey: parseCreation(json), signal: mine.signal });
  }
  const request = { publicKey: parseRequest(json), signal: mine.signal };
  if (mediation) request.mediation = mediation;
  return navigator.credentials.get(request);
};

const send = (form, credential) => {
  form.elements.credential.value = JSON.stringify(answerToJson(credential));
  form.submit();
};

const say = (form, error) => {
  const line = form.querySelector("[role=alert]");
  const words = form.dataset;
  line.textContent = error.name === "NotAllowedError" ? words.cancelled
    : error.name === "InvalidStateError" ? words.present
    : error.name === "NotSupportedError" ? words.unsupported
    : words.failed;
  line.hidden = false;
};

const press = async (form, button) => {
  form.querySelector("[role=alert]").hidden = true;
  button.disabled = true;
  try {
    const credential = await ask(form);
    if (credential) send(form, credential);
  } catch (error) {
    if (error.name !== "AbortError") say(form, error);
  } finally {
    button.disabled = false;
  }
};

// The user ID field offers passkeys among its suggestions where the browser can (conditional mediation). The
// question is asked anew before the server forgets its challenge, so that a page left open still works.
const REFRESH = 240_000;

const offer = async (form) => {
  try {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    const again = setTimeout(() => offer(form), REFRESH);
    const credential = await ask(form, "conditional").finally(() => clearTimeout(again));
    if (credential) send(form, credential);
  } catch {
    // Nobody asked for it, so nobody is told; the button and the password remain.
  }
};

// Tell the device that we do not know the passkey it just offered, so that it stops offering it.
const forget = (form) => {
  const { unknown, rpId } = form.dataset;
  if (unknown && rpId) PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId: unknown })?.catch(() => {});
};

for (const form of forms) {
  const button = form.querySelector("button");
  if (!known) {
    form.hidden = true;
    continue;
  }
  button.addEventListener("click", () => press(form, button));
  forget(form);
  if (form.dataset.autofill) offer(form);
}
