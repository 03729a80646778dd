"""What the identity provider says to the outside: mail, text messages, logout notices."""
