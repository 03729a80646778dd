"""What tests share: databases, clocks, mailboxes, browsers and processes. Twins of the outside world, never of our own code."""
