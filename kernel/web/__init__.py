"""The kernel's web floor: the framework-free face of protocols, and the base of all pages."""
