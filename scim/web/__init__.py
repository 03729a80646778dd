"""SCIM endpoints, framework-free."""
