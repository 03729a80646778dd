"""What keys do: sign, publish, rotate. One file, one deed."""
