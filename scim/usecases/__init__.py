"""What a SCIM request asks for, one file a deed, on top of the identity provider's."""
