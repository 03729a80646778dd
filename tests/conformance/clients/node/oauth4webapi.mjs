// oauth4webapi, plain and by the FAPI 2.0 profiles: private_key_jwt, pushed requests, DPoP with nonces, signed answers.
import { found, person, task } from './conversation.mjs'
import * as oauth from 'oauth4webapi'

const issuer = new URL(task.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer))
const client = { client_id: task.client_id, id_token_signed_response_alg: task.algorithm }
const proof = task.client_secret ? oauth.ClientSecretBasic(task.client_secret) : oauth.PrivateKeyJwt(await signingKey())
const DPoP = task.dpop ? oauth.DPoP(client, await oauth.generateKeyPair('ES256')) : undefined

async function signingKey() {
  const { key } = task
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  return { key: await crypto.subtle.importKey('jwk', key, curve, false, ['sign']), kid: key.kid }
}

/** Ask, and once more where the server wants its nonce in the proof. */
async function withNonce(ask, read) {
  try {
    return await read(await ask())
  } catch (fault) {
    if (!oauth.isDPoPNonceError(fault)) throw fault
    return read(await ask())
  }
}

const verifier = oauth.generateRandomCodeVerifier()
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
let asked = new URLSearchParams({
  client_id: task.client_id,
  redirect_uri: task.redirect_uri,
  response_type: 'code',
  scope: 'openid profile email offline_access',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  ...(task.response_mode && { response_mode: task.response_mode }),
})
if (task.signed_request) {
  const object = await oauth.issueRequestObject(as, client, asked, await signingKey())
  asked = new URLSearchParams({ client_id: task.client_id, request: object })
}
if (task.pushed) {
  const { request_uri } = await withNonce(
    () => oauth.pushedAuthorizationRequest(as, client, proof, asked, { DPoP }),
    (answer) => oauth.processPushedAuthorizationResponse(as, client, answer),
  )
  asked = new URLSearchParams({ client_id: task.client_id, request_uri })
}
const target = new URL(as.authorization_endpoint)
target.search = asked
const { url } = await person(target)

const back = task.response_mode?.endsWith('jwt')
  ? await oauth.validateJwtAuthResponse(as, client, url, state)
  : oauth.validateAuthResponse(as, client, url, state)
const tokens = await withNonce(
  () => oauth.authorizationCodeGrantRequest(as, client, proof, back, task.redirect_uri, verifier, { DPoP }),
  (answer) =>
    oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: nonce, requireIdToken: true }),
)
const claims = oauth.getValidatedIdTokenClaims(tokens)
const userinfo = await withNonce(
  () => oauth.userInfoRequest(as, client, tokens.access_token, { DPoP }),
  (answer) => oauth.processUserInfoResponse(as, client, claims.sub, answer),
)
const again = await withNonce(
  () => oauth.refreshTokenGrantRequest(as, client, proof, tokens.refresh_token, { DPoP }),
  (answer) => oauth.processRefreshTokenResponse(as, client, answer),
)
const said = await oauth.processIntrospectionResponse(
  as,
  client,
  await oauth.introspectionRequest(as, client, proof, again.access_token, {
    requestJwtResponse: Boolean(task.signed_introspection),
  }),
)
const revoked = await oauth.revocationRequest(as, client, proof, again.access_token)
await oauth.processRevocationResponse(revoked)
const dead = await oauth.processIntrospectionResponse(
  as,
  client,
  await oauth.introspectionRequest(as, client, proof, again.access_token),
)
const out = new URL(as.end_session_endpoint)
out.search = new URLSearchParams({
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: task.post_logout_redirect_uri,
  state: 'signed-out',
})
const signedOut = await person(out)
found({
  claims,
  userinfo,
  type: tokens.token_type,
  rotated: again.refresh_token !== tokens.refresh_token,
  live: said.active,
  bound: said.cnf?.jkt,
  dead: dead.active,
  signed_out: signedOut.url.href,
})
