// express-openid-connect: an Express application whose every page asks for a sign-in, with its own sign-out.
import { createServer } from 'node:http'
import { serve, task } from './conversation.mjs'
import express from 'express'
import openid from 'express-openid-connect'

const server = createServer()
await new Promise((ready) => server.listen(task.port, '127.0.0.1', ready))
const base = `http://127.0.0.1:${server.address().port}`
const app = express()
app.use(
  openid.auth({
    issuerBaseURL: task.issuer,
    baseURL: base,
    clientID: task.client_id,
    clientSecret: task.client_secret,
    clientAuthMethod: 'client_secret_basic',
    secret: 'the cookie of this application is sealed with these words',
    idpLogout: true,
    authorizationParams: { response_type: 'code', scope: 'openid profile email offline_access' },
  }),
)
app.get('/', async (request, answer) => {
  const { accessToken, user } = request.oidc
  const before = accessToken.access_token
  const renewed = await accessToken.refresh()
  const userinfo = await request.oidc.fetchUserInfo()
  answer.json({ user, userinfo, renewed: renewed.access_token !== before })
})
server.on('request', app)
await serve(base)
server.close()
process.exit(0)
