"""The identity provider: accounts, credentials, factors, sessions, OAuth 2.0 and OpenID Connect.

Floors: ``web -> usecases -> storage | outbound -> domain``; an arrow reads "may import".
"""
