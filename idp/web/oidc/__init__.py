"""OpenID Connect and OAuth 2.0 endpoints, framework-free."""
