"""Notifications: messages, events and wake-ups."""
