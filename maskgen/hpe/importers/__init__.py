"""Released weights of other code bases, brought into the networks here."""
