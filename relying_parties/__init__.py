"""Stand-ins for the downstream applications, written as strangers to the product.

The law of this package: it imports nothing of the house, not even the kernel. What it knows of the identity
provider it learned from the standards (OpenID Connect Core, Discovery, RP-Initiated and Back-Channel Logout,
RFC 6749, 7636, 9068, 9207, 9470), so that whatever works here works for anybody's application.
"""
