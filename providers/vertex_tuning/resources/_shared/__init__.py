"""What several kinds share: operations, names that Google chose, ownership, a service's folders."""
