"""What the scenario tests share: the daemon under test, a policy client, a real Postfix."""
