"""The Gateway's pages: sign-in, activation, factors, dashboard."""
