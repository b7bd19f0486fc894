"""Opening Class II and III accounts online: identity, phone, the account they are bound to, consent."""
