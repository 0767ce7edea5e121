"""What goes on after a request was answered: operations, tuning jobs, their workers."""
