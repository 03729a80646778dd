"""Pure rules of SCIM: mapping, filters, tags, client profiles."""
