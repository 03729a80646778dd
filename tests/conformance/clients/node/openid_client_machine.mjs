// openid-client: a machine that proves itself by an assertion of its key, and asks for a token of its own.
import { found, task } from './conversation.mjs'
import * as client from 'openid-client'

const key = await crypto.subtle.importKey('jwk', task.key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const config = await client.discovery(
  new URL(task.issuer),
  task.client_id,
  undefined,
  client.PrivateKeyJwt({ key, kid: task.key.kid }),
)
const tokens = await client.clientCredentialsGrant(config, { scope: task.scope })
const said = await client.tokenIntrospection(config, tokens.access_token)
found({ type: tokens.token_type, scope: tokens.scope, active: said.active, client_id: said.client_id })
