"""How Registration speaks to other systems: the Gateway's SCIM face and its OpenID provider."""
