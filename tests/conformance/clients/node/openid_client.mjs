// openid-client: discovery, code with PKCE, userinfo, refresh, introspection, revocation, sign-out.
import { found, person, task } from './conversation.mjs'
import * as client from 'openid-client'

const proof = client.ClientSecretBasic(task.client_secret)
const config = await client.discovery(new URL(task.issuer), task.client_id, undefined, proof)
const verifier = client.randomPKCECodeVerifier()
const expected = { expectedState: client.randomState(), expectedNonce: client.randomNonce() }

const { url } = await person(
  client.buildAuthorizationUrl(config, {
    redirect_uri: task.redirect_uri,
    scope: 'openid profile email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: expected.expectedState,
    nonce: expected.expectedNonce,
    max_age: '300',
  }),
)
const tokens = await client.authorizationCodeGrant(config, url, {
  pkceCodeVerifier: verifier,
  idTokenExpected: true,
  maxAge: 300,
  ...expected,
})
const { sub } = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub)
const again = await client.refreshTokenGrant(config, tokens.refresh_token)
const live = await client.tokenIntrospection(config, again.access_token)
await client.tokenRevocation(config, again.refresh_token)
const dead = await client.tokenIntrospection(config, again.refresh_token)
const out = await person(
  client.buildEndSessionUrl(config, {
    post_logout_redirect_uri: task.post_logout_redirect_uri,
    id_token_hint: tokens.id_token,
    state: 'signed-out',
  }),
)
found({
  claims: tokens.claims(),
  userinfo,
  rotated: again.refresh_token !== tokens.refresh_token,
  refreshed: again.claims()?.sub,
  live: live.active,
  dead: dead.active,
  signed_out: out.url.href,
})
