// jose: verifies tokens against the published keys as a resource server does, and refuses those that were touched.
import { found, task } from './conversation.mjs'
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose'

const keys = createRemoteJWKSet(new URL(task.jwks_uri))
const told = {}
for (const [name, { token, typ, audience }] of Object.entries(task.tokens)) {
  const rules = { issuer: task.issuer, audience, ...(typ && { typ }) }
  const { payload, protectedHeader } = await jwtVerify(token, keys, rules)
  const [head, body, signature] = token.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url'))
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'mallory' })).toString('base64url')
  const touched = await jwtVerify(`${head}.${forged}.${signature}`, keys, rules).catch((fault) => fault)
  told[name] = {
    payload,
    header: protectedHeader,
    kid: decodeProtectedHeader(token).kid,
    refused: touched instanceof errors.JWSSignatureVerificationFailed,
  }
}
found(told)
