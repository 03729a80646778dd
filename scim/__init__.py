"""The SCIM 2.0 face over the identity provider's use cases. It owns no tables."""
