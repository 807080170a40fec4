"""Who did what: the audit rows of every act, and the page that lists them."""
