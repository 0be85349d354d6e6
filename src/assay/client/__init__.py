"""From a log call to the store: journal, shipper, delivery; and the synchronous client."""
