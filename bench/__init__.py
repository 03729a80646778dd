"""The measure of the product: workloads against the real server, beside the framework's own limit."""
