"""Registration: organizations, persons, contact roles, access roles and requests.

It decides who may have what for which organization, and provisions it into the Gateway over SCIM. It knows
the Gateway only by its standard faces: OpenID Connect to sign its own people in, SCIM to push.
"""
