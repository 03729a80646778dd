"""Security events to their receivers: addresses that poll and manage streams (RFC 8936, SSF 1.0)."""
