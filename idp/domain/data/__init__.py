"""Words and questions as data. Law: constants only; whoever needs them decides what they mean."""
